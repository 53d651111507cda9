# SPDX-License-Identifier: LGPL-3.0-or-later
"""Names of places in a configuration.

A path is a tuple: strings step into tables, integers into arrays.  People see it dotted, as TOML
writes dotted keys (https://toml.io/en/v1.0.0#keys), with `[2]` for an array's element.
"""

import json
import re
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_STEP = re.compile(
    r"""\.?(?: (?P<index>\[[0-9]+\]) | (?P<quoted>"(?:[^"\\]|\\.)*") | (?P<bare>[^.\[\]"]+) )""",
    re.VERBOSE,
)


def format_key(path: Path) -> str:
    """The dotted name of `path`; parts that are no bare TOML keys are quoted.

    >>> format_key(("queues", "a.b", "requires", 0))
    'queues."a.b".requires[0]'
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            shown = part if _BARE.match(part) else json.dumps(part, ensure_ascii=False)
            text += f".{shown}" if text else shown
    return text


def parse_key(text: str) -> Path:
    """The path that a dotted name stands for; the inverse of `format_key`.

    Raises ValueError where `text` is no dotted name.
    """
    path: list[str | int] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        begins = position == 0
        if not match or (begins and text[0] == "."):
            raise ValueError(f"{text!r} is not a dotted key")
        index, quoted, bare = match.group("index", "quoted", "bare")
        if not begins and index is None and text[position] != ".":
            raise ValueError(f"{text!r} is not a dotted key")
        path.append(_part(index, quoted, bare))
        position = match.end()
    if not path:
        raise ValueError("the key is empty")
    return tuple(path)


def _part(index: str | None, quoted: str | None, bare: str | None) -> str | int:
    if index is not None:
        return int(index[1:-1])
    if quoted is not None:
        return str(json.loads(quoted, strict=False))
    assert bare is not None
    return bare
