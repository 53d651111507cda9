# SPDX-License-Identifier: LGPL-3.0-or-later
"""Other people's text inside our sentences.

A message that repeats what it refuses must stay a message: a wrong value may be megabytes long.
"""

from typing import Final

SHOWN_CHARACTERS: Final = 60


def quoted(text: str) -> str:
    """`text` in double quotes, cut after SHOWN_CHARACTERS characters.

    >>> quoted("2sec")
    '"2sec"'
    """
    if len(text) <= SHOWN_CHARACTERS:
        return f'"{text}"'
    return f'"{text[:SHOWN_CHARACTERS]}…"'
