# SPDX-License-Identifier: LGPL-3.0-or-later
"""What modules told about themselves, as plain data for readers: answered from memory, at once.

It was written by modules, so its shape is checked here; what is not as it should be is left out.
"""

import json
from collections.abc import Iterable
from typing import Any

from coordinator.api.fields import Fields
from coordinator.comparison.readers import Reader
from coordinator.core.members import Member
from coordinator.files.provenance import Provenance
from protocol.keys import Path, parse_key
from protocol.secrets import MASK, Patterns, at, from_description

CONFIGURATION = "configuration"
"""What a module calls the origin of a value that the broker's configuration gives it."""


def described(member: Member) -> Fields:
    """Purpose, tables and schema, as in Join; empty where the module told nothing usable."""
    return _object(member.description)


def config(member: Member) -> Fields:
    """The combined configuration of a module, as it told last.

    `config` has an entry for each key: `value`, `origin`, and where the key takes effect only when
    the module is loaded and another value waits for that, `pending`.  `runtime` has the values
    that were set at runtime, as text.
    """
    return {
        "name": member.name,
        "state": str(member.state),
        "generation": member.generation,
        "config": _entries(member.report),
        "cut": _object(member.report).get("cut") is True,
        "runtime": _shown(member, ((key, value.value) for key, value in member.runtime.items())),
    }


def arguments(member: Member) -> dict[str, str]:
    """The load arguments of a module of ours, as they were typed; the last of each key."""
    return _shown(member, member.spec.arguments) if member.spec else {}


def services(member: Member) -> list[str]:
    """What the module stands for beside its own name."""
    told = described(member).get("services")
    return [str(name) for name in told] if isinstance(told, list) else []


def secrets(member: Member) -> Patterns:
    """The places in the whole configuration of what the module calls secret."""
    return from_description(described(member).get("secrets"))


def _shown(member: Member, typed: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Texts typed for keys of one module, without those that are secret."""
    told = described(member)
    tables = tuple(str(table) for table in told.get("tables", ()))
    places = from_description(told.get("secrets"))

    def is_secret(key: str) -> bool:
        path = _path(key, tables, told.get("single") is True)
        if not tables:  # the description was too long: only the end of a place can be compared
            return any(place[-len(path) :] == path for place in places)
        return bool(at(places, path)) if path else bool(places)

    return {key: MASK if places and is_secret(key) else value for key, value in typed}


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or "value" not in entry:
        return False
    if not isinstance(entry.get("origin"), str):
        return False
    return "pending" not in entry or _is_entry(entry["pending"])


def places(member: Member, provenance: Provenance) -> Fields:
    """The same, with file and line in place of `configuration`; slow where the texts are long."""
    answer = config(member)
    description = described(member)
    tables = tuple(str(table) for table in description.get("tables", ()))
    for name, entry in answer["config"].items():
        for value in (entry, entry.get("pending")):
            if value is not None and value["origin"].startswith(CONFIGURATION):
                path = _path(name, tables, description.get("single") is True)
                origin = provenance.of(path) if path else None
                rest = value["origin"].removeprefix(CONFIGURATION)
                value["origin"] = f"{origin}{rest}" if origin else value["origin"]
    return answer


def _path(name: str, tables: tuple[str, ...], single: bool) -> Path:
    """The place in the configuration of a module's key; see participant.settings.layers.Tables."""
    try:
        key = parse_key(name)
    except ValueError:
        return ()
    if not tables or (not single and key[0] in tables):
        return key
    return (tables[0], *key)


def in_force(reader: Reader, report: str) -> dict[Path, Any]:
    """The values that a module goes by, by their place in the whole configuration."""
    entries = _entries(report)
    return {_path(key, *reader[1:3]): entry["value"] for key, entry in entries.items()}


def _entries(report: str) -> Fields:
    values = _object(report).get("values")
    entries = values if isinstance(values, dict) else {}
    return {key: entry for key, entry in entries.items() if _is_entry(entry)}


def pending(member: Member) -> list[str]:
    """The keys whose values wait for the module to be loaded anew."""
    return [key for key, entry in config(member)["config"].items() if "pending" in entry]


def votes(member: Member) -> dict[str, str]:
    """Of a member that speaks for others (a rank): by what means it asks each; else nothing."""
    told = _object(member.report)
    found, hanging = told.get("votes"), told.get("hanging")
    late = hanging if isinstance(hanging, list) else []
    return {
        str(name): f"{kind}, hangs" if name in late else str(kind)
        for name, kind in (found if isinstance(found, dict) else {}).items()
    }


def _object(text: str) -> Fields:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
