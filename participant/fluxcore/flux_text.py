# SPDX-License-Identifier: LGPL-3.0-or-later
"""What modules of flux-core say in words, as reasons with a key.

flux-core's error texts have no structure, but most name the key: `error parsing heartbeat.period
FSD value`, `error parsing [queues.debug] config table`, `unknown exec.method 'x'`.  A key that the
candidate has leads to the file and the line where it stands.
"""

import re
from collections.abc import Iterator

from protocol.configuration import Configuration
from protocol.keys import Path
from protocol.reasons import Reason

_WORD = re.compile(r"\[[^\[\]\s]+\]|[\w-]+(?:\.[\w-]+)+")
"""A table in brackets, or words with dots between."""


def reasons_in(module: str, text: str, candidate: Configuration) -> Iterator[Reason]:
    """The reasons in an error text of this module, one a line; at least one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines or ["refused, and did not say why"]:
        yield Reason(module, line, key=key_in(line, candidate))


def key_in(line: str, candidate: Configuration) -> Path:
    """The first key that the line names and the candidate has; () where there is none."""
    for word in _WORD.findall(line):
        path = tuple(word.strip("[]").split("."))
        try:
            candidate.get(path)
        except KeyError:
            continue
        return path
    return ()
