# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a change has changed, or would, as people read it: a line for each key."""

import json
from collections.abc import Iterator
from typing import Any, Final

from protocol.reasons import printable

SHOWN: Final = 20
"""Keys that are listed; `--json` has more of them."""
_LONGEST: Final = 60
"""Characters of a value."""


def lines(outcome: dict[str, Any]) -> Iterator[str]:
    """The keys that differ, with old value, new value and owners; and who is to be reloaded."""
    changes = outcome.get("changes", ())
    for change in changes[:SHOWN]:
        yield printable(f"  {_line(change)}")
    more = outcome.get("changed", 0) - len(changes[:SHOWN])
    if more > 0:
        yield f"  … and {more} more keys"
    for module in outcome.get("pending", ()):
        waiting = [change["key"] for change in changes if module in change.get("pending", ())]
        keys = f": {', '.join(waiting[:SHOWN])}" if waiting else ""
        yield printable(f"pending until `flux module reload {module}`{keys}")


def _line(change: dict[str, Any]) -> str:
    old, new = (_value(change, side) for side in ("old", "new"))
    owners = ", ".join(change.get("owners", ()))
    return f"{change['key']}: {old} -> {new}" + (f"  ({owners})" if owners else "")


def _value(change: dict[str, Any], side: str) -> str:
    if side not in change:
        return "not set"
    if change.get("cut") and change[side] is None:
        return "… (long)"
    text = json.dumps(change[side], ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
