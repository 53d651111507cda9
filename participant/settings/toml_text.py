# SPDX-License-Identifier: LGPL-3.0-or-later
"""Values and keys as TOML writes them, on one line."""

import json
import re
from collections.abc import Mapping
from typing import Any

_ESCAPE = re.compile(r"\\(u[0-9a-f]{4}|.)")
_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


def toml_value(value: Any) -> str:
    """`value` as TOML.  Raises TypeError for what TOML has no word for.

    >>> toml_value(["a", 1, True, {"b c": 2.0}])
    '["a", 1, true, {"b c" = 2.0}]'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        members = (f"{toml_key(key)} = {toml_value(member)}" for key, member in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    raise TypeError(f"TOML has no {type(value).__name__}")


def toml_key(key: str) -> str:
    """One part of a key, quoted where it has to be."""
    return key if _BARE.match(key) else _quoted(key)


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, but for DEL, which TOML wants escaped too; Flux wants capitals.
    escaped = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    return _ESCAPE.sub(lambda found: "\\" + found[1][:1] + found[1][1:].upper(), escaped)
