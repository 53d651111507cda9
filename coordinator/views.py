"""What readers are shown: the machine's state as plain data.  Nothing here changes anything."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from coordinator import module_views
from coordinator.machine import Coordinator
from coordinator.roster import Member
from coordinator.transaction import Transaction
from protocol import limits


def status(machine: Coordinator, now: float) -> dict[str, Any]:
    """What runs, since when, by whom; who is here; and what is in progress."""
    running = machine.running
    shown: dict[str, Any] = {
        "version": 1,
        "epoch": machine.epoch,
        "generation": running.generation if running else 0,
        "digest": running.configuration.digest if running else "",
        "modules": [module(member, now) for member in machine.roster],
        "waiting": len(machine.line),
    }
    if running:
        decision = running.decision
        shown["since"] = running.at
        shown["verb"] = decision.verb
        shown["who"] = {"uid": decision.who.uid, "pid": decision.who.pid,
                        "command": decision.who.command}  # fmt: skip
        shown["message"] = decision.message
    pending = machine.unconfirmed
    if pending is not None:
        left = max(0.0, pending.due - now)
        shown["unconfirmed"] = {"generation": pending.generation, "seconds": round(left, 3)}
    change = machine.transaction
    if change is not None and change.outcome is None:
        shown["transaction"] = transaction(change, now)
    return shown


def module(member: Member, now: float) -> dict[str, Any]:
    """One participant, as `flux module list` shows it."""
    return {
        "name": member.name,
        "state": str(member.standing),
        "generation": member.generation,
        "digest": member.digest,
        "pid": member.pid,
        "attached": member.attached,
        "restarts": member.restarts,
        "seconds": round(now - member.since, 3),
        "why": member.why,
        "path": member.spec.path if member.spec else "",
        "pending": module_views.pending(member),
    }


def transaction(change: Transaction, now: float) -> dict[str, Any]:
    """A change in progress: who has voted, who is awaited, for how long."""
    return {
        "txid": change.txid,
        "verb": change.request.verb,
        "dry_run": change.request.dry_run,
        "state": str(change.state),
        "seconds": round(now - change.asked_at, 3),
        "members": len(change.voters),
        "voted": sorted(change.answers),
        "awaited": sorted(change.awaited),
    }


def dump(machine: Coordinator, attributes: Mapping[str, str]) -> dict[str, Any]:
    """Everything at once.  `settings` of a module: what it runs, its defaults included."""
    running = machine.running
    assert running is not None
    tree = running.configuration.plain()
    return {
        "version": 1,
        "generation": running.generation,
        "digest": running.configuration.digest,
        "configuration": tree,
        "modules": {one.name: _module_dump(one, tree) for one in machine.roster},
        "attributes": dict(sorted(attributes.items())),
    }


def _module_dump(member: Member, tree: dict[str, Any]) -> dict[str, Any]:
    described = _described(member)
    tables = described.get("tables")
    schema = described.get("schema")
    shown: dict[str, Any] = {
        "state": str(member.standing),
        "generation": member.generation,
        "tables": tables if isinstance(tables, list) else [],
        "arguments": dict(member.spec.arguments) if member.spec else {},
    }
    if isinstance(schema, dict):
        own = {name: tree[name] for name in shown["tables"] if name in tree}
        shown["settings"] = settings(schema, own, shown["tables"])
    return shown


def _described(member: Member) -> dict[str, Any]:
    try:
        described = json.loads(member.description)
    except (ValueError, RecursionError):
        return {}
    return described if isinstance(described, dict) else {}


def settings(
    schema: dict[str, Any], own: dict[str, Any], tables: Sequence[str]
) -> dict[str, Any]:
    """The tables of a module with the defaults that its JSON schema tells for what is not set.

    The schema describes the one table, or has a property for each of several (participant.module).
    """
    if len(tables) == 1 and tables[0] not in _properties(schema):
        return {tables[0]: _filled(schema, own.get(tables[0], {}), schema, 0)}
    filled: dict[str, Any] = _filled(schema, own, schema, 0)
    return filled


def _filled(part: dict[str, Any], value: Any, schema: dict[str, Any], depth: int) -> Any:
    if not isinstance(value, dict) or depth > limits.CONFIGURATION_DEPTH:
        return value
    filled = dict(value)
    for name, described in _properties(part).items():
        inner = _resolved(described, schema)
        if name in value:
            filled[name] = _filled(inner, value[name], schema, depth + 1)
        elif isinstance(described, dict) and described.get("default") is not None:
            filled[name] = described["default"]
        elif _properties(inner):
            filled[name] = _filled(inner, {}, schema, depth + 1)
    return filled


def _properties(part: Any) -> dict[str, Any]:
    found = part.get("properties") if isinstance(part, dict) else None
    return found if isinstance(found, dict) else {}


def _resolved(part: Any, schema: dict[str, Any]) -> dict[str, Any]:
    """`part`, or what its `$ref` (of the form "#/$defs/NAME") points to."""
    if not isinstance(part, dict):
        return {}
    name = str(part.get("$ref", "")).removeprefix("#/$defs/")
    defined = schema.get("$defs")
    found = defined.get(name) if name and isinstance(defined, dict) else part
    return found if isinstance(found, dict) else {}
