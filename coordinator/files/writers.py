# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who could have written configuration files that name commands.

What `[[checks]]` names is run as the broker's user.  So files with that must be such that only this
user and root can have written them; other configuration may be written by whom its owner likes.
"""

from collections.abc import Iterable

from coordinator.files.reading import Source, file_reason
from ownership.way import stranger_to_file
from protocol.configuration import Configuration
from protocol.reasons import Reason

CHECKS = "checks"


def strangers(configuration: Configuration, sources: Iterable[Source]) -> tuple[Reason, ...]:
    """A reason for each file that others could have written, where the configuration has checks."""
    if not configuration.tree.get(CHECKS):
        return ()
    return tuple(
        file_reason(
            source.name,
            f"its [[{CHECKS}]] would be run as this user, and others could have written them: "
            f"{who}",
        )
        for source in sources
        if (who := _other_writer(source.name))
    )


def _other_writer(path: str) -> str:
    """Who else may change the file, and what to do; empty for nobody."""
    try:
        found = stranger_to_file(path)
    except OSError as error:
        return f"{error.filename or path}: {error.strerror}"
    return f"{found.told}; {found.remedy}" if found else ""
