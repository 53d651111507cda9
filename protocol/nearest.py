# SPDX-License-Identifier: LGPL-3.0-or-later
"""The name that was probably meant, for whoever has to be told that there is none of that name."""

from collections.abc import Iterable
from typing import Final

_NEAR: Final = 0.6
"""difflib's ratio from which a name is taken for a misspelt one."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The name among `known` that is most like `word`; None where none is like it.

    >>> nearest("hearbeat", ["kvs", "heartbeat"])
    'heartbeat'
    """
    import difflib  # 5 ms, for those alone who have mistyped something

    names = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), list(names), 1, _NEAR)
    return names[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence that says there is no `word`; empty where nothing is like it.

    >>> did_you_mean("relaod", ["load", "reload"])
    '; did you mean reload?'
    """
    near = nearest(word, known)
    return f"; did you mean {near}?" if near is not None else ""
