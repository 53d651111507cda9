# SPDX-License-Identifier: LGPL-3.0-or-later
"""The table `sched-fluxion-qmanager`: how Fluxion's queues are scheduled.

flux-config-sched-fluxion-qmanager(5), and flux-sched's `qmanager_opts.cpp`, `queue_policy_*.hpp`,
as of August 2026.  What a table says in `queue-params` and `policy-params` reaches Fluxion as JSON:
a string there keeps its quotes, and is no number.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, NamedTuple

from pydantic import ConfigDict, model_validator

from participant.modules.tables.base import StrictTable
from participant.modules.tables.fluxion_text import (
    INT_MAX,
    Text,
    TextOrPairs,
    json_text,
    keys_of,
    nearest,
    unknown_key,
    unknown_word,
)
from participant.settings.field import Field
from participant.settings.model import read_table
from participant.settings.types import at_least, at_most
from protocol.formats.quoted import quoted
from protocol.reasons import Refusal

POLICIES: Final = ("fcfs", "easy", "conservative", "hybrid")
DEFAULT_POLICY: Final = "fcfs"
_LEADING_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_NO_QUEUES: Final = "is not allowed here: Fluxion's queues are those of the table queues"
_EFFECT: Final = {
    "max-reservation-depth": ("conservative", "hybrid"),
    "reservation-depth": ("hybrid",),
}
"""The policies that look at a policy parameter."""


def _pairs(value: Any) -> Any:
    """The `key=value,…` that may stand in the place of a table, as one."""
    if isinstance(value, Mapping):
        return value
    text = value if isinstance(value, str) else json_text(value)
    found: dict[str, Any] = {}
    for pair in text.split(",") if text else ():
        key, equals, member = ("".join(part.split()) for part in pair.partition("="))
        if not equals or not key:
            raise ValueError(f"must be a table, or key=value,key=value, not {quoted(text)}")
        found[key] = int(member) if _is_digits(member) else member
    return found


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 1000


class Parameters(StrictTable):
    """A table of parameters, which may be written as text; other keys are kept, to be told."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        return _pairs(value)


class QueueParams(Parameters):
    """How many jobs are looked at."""

    max_queue_depth: Annotated[int, at_least(1), at_most(INT_MAX)] = Field(
        1_000_000, description="the most that queue-depth can be"
    )
    queue_depth: Annotated[int, at_least(1), at_most(INT_MAX)] = Field(
        32, description="pending jobs that are considered in a cycle"
    )


class PolicyParams(Parameters):
    """How many jobs get a reservation; which are looked at is the policy's to say."""

    max_reservation_depth: Any = Field(
        100_000, description="the most that reservation-depth can be; conservative and hybrid"
    )
    reservation_depth: Any = Field(
        64, description="jobs with a reservation; the policy hybrid only"
    )


class QmanagerTable(StrictTable):
    """The table `sched-fluxion-qmanager`; keys that it does not know are kept, to be told."""

    model_config = ConfigDict(extra="allow")

    queue_policy: TextOrPairs = Field(
        DEFAULT_POLICY, description="how jobs are scheduled: fcfs, easy, conservative or hybrid"
    )
    queue_params: QueueParams = Field(default_factory=QueueParams, description="for all queues")
    policy_params: PolicyParams = Field(default_factory=PolicyParams, description="for all queues")
    queue_policy_per_queue: TextOrPairs | None = Field(
        None, description="queue:policy, with a blank between two; instead of queue-policy"
    )
    queue_params_per_queue: TextOrPairs | None = Field(
        None, description="queue:key=value,…, with a blank between two; instead of queue-params"
    )
    policy_params_per_queue: TextOrPairs | None = Field(
        None, description="queue:key=value,…, with a blank between two; instead of policy-params"
    )
    vqueue_parents: Text | None = Field(
        None, description="internal: made from the table queues; leave it out"
    )


class Finding(NamedTuple):
    """Something about a key of the table; what `refuses` keeps the module from loading."""

    key: tuple[str, ...]
    message: str
    refuses: bool = False


def real_queues(config: Mapping[str, Any]) -> frozenset[str]:
    """The queues that Fluxion makes: those of `queues` that have no parent."""
    queues = config.get("queues")
    if not isinstance(queues, Mapping):
        return frozenset()
    return frozenset(name for name in queues if parent_of(queues, name) is None)


def parent_of(queues: Mapping[str, Any], name: str) -> str | None:
    """The parent that makes a queue a virtual one."""
    entry = queues.get(name)
    parent = entry.get("parent") if isinstance(entry, Mapping) else None
    return parent if isinstance(parent, str) else None


def findings(table: QmanagerTable, queues: frozenset[str]) -> Iterator[Finding]:
    """All that is to be said of the table, where `queues` are the real ones."""
    for name in table.model_extra or {}:
        told = _NO_QUEUES if name == "queues" else unknown_key(name, table)
        yield Finding((name,), told, refuses=True)
    if table.queue_policy not in POLICIES:
        told = unknown_word(table.queue_policy, "policy", POLICIES, DEFAULT_POLICY)
        yield Finding(("queue-policy",), told)
    yield from _of_queue_params(("queue-params",), table.queue_params)
    own: dict[str, dict[str, str]] = {}
    for kind in ("queue-policy", "queue-params", "policy-params"):
        text = getattr(table, f"{kind.replace('-', '_')}_per_queue")
        key = (f"{kind}-per-queue",)
        found = _per_queue(text or "", queues)
        if isinstance(found, str):
            yield Finding(key, found, refuses=True)
            found = {}
        own[kind] = found
    yield from _of_each_queue(table, own)
    policies = _policies(table, own["queue-policy"], queues - set(own["policy-params"]))
    yield from _of_policy_params(("policy-params",), table.policy_params, policies)
    if table.vqueue_parents is not None:
        yield Finding(("vqueue-parents",), "is internal: Fluxion makes it from the table queues")


def _per_queue(text: str, queues: frozenset[str]) -> dict[str, str] | str:
    """The `queue:value` in a text, or why there are none."""
    found: dict[str, str] = {}
    entries = text.split(" ")
    for entry in entries if entries[-1] else entries[:-1]:
        name, colon, value = entry.partition(":")
        if not colon:
            return f"{quoted(entry)} is not queue:value, with one blank between two of them"
        if name in found:
            return f"names the queue {quoted(name)} twice"
        if name not in queues:
            return f"{quoted(name)} is not a configured queue without a parent"
        found[name] = value
    return found


def _of_each_queue(table: QmanagerTable, own: Mapping[str, Mapping[str, str]]) -> Iterator[Finding]:
    for name, policy in own["queue-policy"].items():
        if policy not in POLICIES:
            taken = f"queue-policy for the queue {name}"
            told = unknown_word(policy, "policy", POLICIES, taken)
            yield Finding(("queue-policy-per-queue",), told)
    for name, text in own["queue-params"].items():
        for params in _read_text(QueueParams, text):
            key = ("queue-params-per-queue",)
            if isinstance(params, str):
                yield Finding(key, f"{name}: {params}", refuses=True)
            else:
                yield from _placed(key, name, _of_queue_params((), params))
    for name, text in own["policy-params"].items():
        policies = _policies(table, own["queue-policy"], frozenset({name}))
        for params in _read_text(PolicyParams, text):
            key = ("policy-params-per-queue",)
            if isinstance(params, str):
                yield Finding(key, f"{name}: {params}", refuses=True)
            else:
                yield from _placed(key, name, _of_policy_params((), params, policies))


def _placed(key: tuple[str, ...], queue: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    for finding in findings:
        message = f"{queue}: {'.'.join(finding.key)} {finding.message}"
        yield Finding(key, message, finding.refuses)


def _policies(
    table: QmanagerTable, own: Mapping[str, str], queues: frozenset[str]
) -> frozenset[str]:
    """The policies that these queues (none: the one queue of an instance without any) run by."""
    common = table.queue_policy if table.queue_policy in POLICIES else DEFAULT_POLICY
    given = {own.get(name, common) for name in queues} or {common}
    return frozenset(policy if policy in POLICIES else common for policy in given)


def _read_text(model: type[Any], text: str) -> Iterator[Any]:
    """The parameters in `text`, or a sentence for each fault."""
    try:
        found = read_table(model, _pairs(text), (), "")
    except ValueError as error:
        yield str(error)
        return
    if not isinstance(found, Refusal):
        yield found
        return
    for reason in found.reasons:
        yield f"{'.'.join(map(str, reason.key))} {reason.message}".strip()


def _of_queue_params(key: tuple[str, ...], params: QueueParams) -> Iterator[Finding]:
    yield from _ignored(key, params)
    most = params.max_queue_depth
    if "queue_depth" in params.model_fields_set and params.queue_depth > most:
        cut = f"is more than max-queue-depth: Fluxion silently cuts it to {most}"
        yield Finding((*key, "queue-depth"), cut)


def _of_policy_params(
    key: tuple[str, ...], params: PolicyParams, policies: frozenset[str]
) -> Iterator[Finding]:
    yield from _ignored(key, params)
    most, readable = 100_000, True
    for name, of in _EFFECT.items():
        field = name.replace("-", "_")
        if field not in params.model_fields_set:
            continue
        here = (*key, name)
        if not policies & set(of):
            used = ", ".join(sorted(policies))
            told = f"has no effect: the policy is {used}, and only {' and '.join(of)} look at it"
            yield Finding(here, told)
            continue
        number = _leading_number(getattr(params, field))
        if number is None or not readable:
            told = "is no number, as Fluxion reads it" if readable else "is not even read"
            yield Finding(here, f"{told}: the default stays, silently")
            readable = False
        elif number < 1:
            yield Finding(here, f"must be 1 or more, not {number}", refuses=True)
        elif name == "max-reservation-depth":
            most = number
        elif number > most:
            told = f"is more than max-reservation-depth ({most}): the default, 64, stays, silently"
            yield Finding(here, told)


def _ignored(key: tuple[str, ...], params: Parameters) -> Iterator[Finding]:
    for name in params.model_extra or {}:
        told = f"is silently ignored by Fluxion; {nearest(name, keys_of(params))}"
        yield Finding((*key, name), told)


def _leading_number(value: Any) -> int | None:
    """What std::stoi makes of the JSON of a value; None where it finds no number."""
    text = json_text(value)
    match = _LEADING_NUMBER.match(text)
    if match is None or len(match[1]) > 20:
        return None
    number = int(match[1])
    return number if -INT_MAX - 1 <= number <= INT_MAX else None
