"""What modules told about themselves, as plain data for readers: answered from memory, at once.

It was written by modules, so its shape is checked here; what is not as it should be is left out.
"""

import json
from typing import Any

from coordinator.roster import Member


def described(member: Member) -> dict[str, Any]:
    """Purpose, tables and schema, as in Join; empty where the module told nothing usable."""
    return _object(member.description)


def config(member: Member) -> dict[str, Any]:
    """The combined configuration of a module, as it told last.

    `config` has an entry for each key: `value`, `origin`, and where the key takes effect only when
    the module is loaded and another value waits for that, `pending`.  `runtime` has the values
    that were set at runtime, as text.
    """
    told = _object(member.report)
    values = told.get("values")
    entries = values if isinstance(values, dict) else {}
    return {
        "name": member.name,
        "state": str(member.standing),
        "generation": member.generation,
        "config": {key: one for key, one in entries.items() if isinstance(one, dict)},
        "cut": told.get("cut") is True,
        "runtime": {key: one.value for key, one in member.runtime.items()},
    }


def pending(member: Member) -> list[str]:
    """The keys whose values wait for the module to be loaded anew."""
    return [key for key, one in config(member)["config"].items() if "pending" in one]


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
