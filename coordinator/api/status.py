# SPDX-License-Identifier: LGPL-3.0-or-later
"""What readers are answer: the machine's state as plain data.  Nothing here changes anything."""

from collections.abc import Mapping

from coordinator.api import module_status
from coordinator.api.fields import Fields
from coordinator.core.machine import Coordinator
from coordinator.core.members import Member
from coordinator.core.operations.confirm import UNDO
from coordinator.core.operations.transaction import Transaction


def status(machine: Coordinator, now: float) -> Fields:
    """What runs, since when, by whom; who is here; and what is in progress."""
    running = machine.running
    answer: Fields = {
        "version": 1,
        "epoch": machine.epoch,
        "generation": running.generation if running else 0,
        "digest": running.configuration.digest if running else "",
        "modules": [module(member, now) for member in machine.members],
        "waiting": machine.waiting,
    }
    if running:
        decision = running.decision
        answer["since"] = running.committed_at_wall
        answer["verb"] = decision.verb
        answer["who"] = {
            "uid": decision.who.uid,
            "pid": decision.who.pid,
            "command": decision.who.command,
        }
        answer["message"] = decision.message
    pending, change = machine.unconfirmed, machine.transaction
    in_progress = change is not None and change.outcome is None
    if pending is not None:
        is_undone = in_progress and change is not None and change.request.verb == UNDO
        left = 0.0 if is_undone else max(0.0, pending.due_monotonic - now)
        answer["unconfirmed"] = {"generation": pending.generation, "seconds": round(left, 3)}
    if change is not None and in_progress:
        answer["transaction"] = transaction(change, now)
    return answer


def module(member: Member, now: float) -> Fields:
    """One participant, as `flux module list` shows it."""
    return {
        "name": member.name,
        "state": str(member.state),
        "generation": member.generation,
        "digest": member.digest,
        "pid": member.pid,
        "attached": member.attached,
        "restarts": member.restarts,
        "seconds": round(now - member.since, 3),
        "why": member.why,
        "path": member.spec.path if member.spec else "",
        "idle": round(now - (member.heard_at or member.since), 3),
        "services": module_status.services(member),
        "pending": module_status.pending(member),
        **_votes(member),
    }


def _votes(member: Member) -> Fields:
    found = module_status.votes(member)
    return {"votes": found} if found else {}


def transaction(change: Transaction, now: float) -> Fields:
    """A change in progress: who has voted, who is awaited, for how long."""
    return {
        "txid": change.txid,
        "verb": change.request.verb,
        "dry_run": change.request.dry_run,
        "state": str(change.phase),
        "seconds": round(now - change.asked_at, 3),
        "members": len(change.voters),
        "voted": sorted(change.ballot.votes),
        "awaited": sorted(change.awaited),
    }


def dump(machine: Coordinator, attributes: Mapping[str, str], configuration: Fields) -> Fields:
    """Everything at once; of each module what it told of its values in force.

    `configuration` is what runs, as far as the caller may see it.
    """
    running = machine.running
    assert running is not None
    return {
        "version": 1,
        "generation": running.generation,
        "digest": running.configuration.digest,
        "configuration": configuration,
        "modules": {member.name: _module_dump(member) for member in machine.members},
        "attributes": dict(sorted(attributes.items())),
    }


def _module_dump(member: Member) -> Fields:
    values = module_status.config(member)
    del values["name"]  # it is the key already
    return {
        **values,
        "path": member.spec.path if member.spec else "",
        "arguments": module_status.arguments(member),
    }
