# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who is here: one record a participant, and what the coordinator believes of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from coordinator.core.requests import RuntimeValue, Spec
from protocol import limits
from protocol.messages import LOAD_ARGUMENT, NOTHING, Argument, Arguments, Digest


class MemberState(StrEnum):
    """What a participant is to its coordinator.  Only RUNNING ones vote."""

    STARTING = "starting"
    """Its process was started; it has not joined yet."""
    JOINING = "joining"
    """It has joined, or is expected to join again, and does not run what it should yet."""
    RUNNING = "running"
    RESTARTING = "restarting"
    """Its process died; the next one is started after a pause."""
    FAILED = "failed"
    """Given up; changes are refused until it is loaded anew or removed."""
    REFUSED = "refused"
    """Attached, and declined what is in force: it has no vote, and keeps what it runs."""
    LEAVING = "leaving"


UNSETTLED = frozenset({MemberState.STARTING, MemberState.JOINING, MemberState.RESTARTING})
"""Standings that a change waits for: each of these is about to become something else."""


@dataclass(slots=True)
class Member:
    """One participant.  `spec` is None for one that attached itself; its process is not ours."""

    name: str
    state: MemberState
    since: float
    spec: Spec | None = None
    pid: int = 0
    peer: bytes | None = None
    incarnation: str = ""
    session: str = ""
    """That of its last Join."""
    generation: int = 0
    digest: Digest = NOTHING
    description: str = "{}"
    report: str = "{}"
    """What it said last of its values in force: JSON text, as in Applied."""
    runtime: dict[str, RuntimeValue] = field(default_factory=dict)
    """Values set for it alone, by key, in the order of setting; they outlive its process."""
    owes: str | None = None
    """The txid of a Prepare that it has not answered; it is asked nothing else meanwhile."""
    owes_since: float = 0.0
    probes: int = 0
    """How often it was spoken to while it owes that, to find out whether it is there at all."""
    offered: int = 0
    """The generation of an Admit that it has not answered; 0 for none."""
    deadline: float | None = None
    """When the patience with STARTING or JOINING ends, or RESTARTING does."""
    patience: float = limits.PREPARE_SECONDS
    """How long it may take over STARTING and JOINING each, in seconds."""
    deaths: list[float] = field(default_factory=list)
    restarts: int = 0
    why: str = ""
    """What went wrong last, for people."""

    @property
    def attached(self) -> bool:
        """Whether it came by itself, as part of a process that is not ours."""
        return self.spec is None

    def arguments(self, runtime: dict[str, RuntimeValue] | None = None) -> Arguments:
        """What it is given beside the configuration, with `runtime` in place of its own."""
        loaded = self.spec.arguments if self.spec else ()
        values = self.runtime if runtime is None else runtime
        return (
            *(Argument(LOAD_ARGUMENT, key, value) for key, value in loaded),
            *(Argument(given.origin, key, given.value) for key, given in values.items()),
        )


class Members:
    """All participants by name and by connection."""

    def __init__(self) -> None:
        self._by_name: dict[str, Member] = {}
        self._by_peer: dict[bytes, Member] = {}

    def __iter__(self) -> Iterator[Member]:
        return iter(list(self._by_name.values()))

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __len__(self) -> int:
        return len(self._by_name)

    def get(self, name: str) -> Member | None:
        """The participant of this name."""
        return self._by_name.get(name)

    def at(self, peer: bytes) -> Member | None:
        """The participant on this connection."""
        return self._by_peer.get(peer)

    def add(self, member: Member) -> Member:
        """Put a new participant on the list."""
        assert member.name not in self._by_name
        self._by_name[member.name] = member
        return member

    def remove(self, member: Member) -> None:
        """Take a participant off the list."""
        self.disconnect(member)
        del self._by_name[member.name]

    def connect(self, member: Member, peer: bytes) -> None:
        """From now on `member` is spoken to on `peer`, and on no other connection."""
        self.disconnect(member)
        member.peer = peer
        self._by_peer[peer] = member

    def disconnect(self, member: Member) -> None:
        """`member` has no connection (any more), and so owes nothing on it."""
        if member.peer is not None:
            del self._by_peer[member.peer]
        member.peer = None
        member.owes, member.probes = None, 0
        member.offered = 0

    def running(self) -> list[Member]:
        """Those whose vote counts."""
        return [one for one in self._by_name.values() if one.state is MemberState.RUNNING]
