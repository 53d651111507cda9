# SPDX-License-Identifier: LGPL-3.0-or-later
"""The participants: one record each, of what the coordinator knows of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Final, NamedTuple

from coordinator.core.requests import RuntimeValue, Spec
from protocol import limits
from protocol.messages import LOAD_ARGUMENT, NOTHING, Argument, Arguments, Digest, Join
from protocol.transitions import Forbidden, Transitions


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
    """Given up; changes are refused until it is loaded anew or removed, or one goes back."""
    REFUSED = "refused"
    """Attached, and declined what is in force: it has no vote, and keeps what it runs."""
    LEAVING = "leaving"


UNSETTLED = frozenset({MemberState.STARTING, MemberState.JOINING, MemberState.RESTARTING})
"""States that a change waits for: each of them is about to become another."""


class MemberInput(StrEnum):
    """What moves a member from state to state."""

    START = "process started"
    JOIN = "Join"
    APPLIED = "applied what is in force"
    OVERTAKEN = "a generation decided without it"
    CUT = "connection lost"
    DECLINED = "declined what is in force"
    BROKE = "failed in commit (attached)"
    REPLACE = "failed or hung in commit (ours)"
    DIED = "died"
    DIED_TOO_OFTEN = "died too often"
    NOT_RELOADED = "did not come up when reloaded"
    TAKEN_BACK = "gone back to what ran before (attached)"
    REMOVE = "removed, or the broker stops"


MEMBER: Final[Mapping[tuple[MemberState, MemberInput], MemberState]] = Transitions(
    {
        (MemberState.STARTING, MemberInput.JOIN): MemberState.JOINING,
        (MemberState.STARTING, MemberInput.DIED): MemberState.RESTARTING,
        (MemberState.STARTING, MemberInput.DIED_TOO_OFTEN): MemberState.FAILED,
        (MemberState.STARTING, MemberInput.NOT_RELOADED): MemberState.FAILED,
        (MemberState.STARTING, MemberInput.REMOVE): MemberState.LEAVING,
        (MemberState.JOINING, MemberInput.JOIN): MemberState.JOINING,
        (MemberState.JOINING, MemberInput.REPLACE): MemberState.JOINING,
        (MemberState.JOINING, MemberInput.APPLIED): MemberState.RUNNING,
        (MemberState.JOINING, MemberInput.DECLINED): MemberState.REFUSED,
        (MemberState.JOINING, MemberInput.DIED): MemberState.RESTARTING,
        (MemberState.JOINING, MemberInput.BROKE): MemberState.FAILED,
        (MemberState.JOINING, MemberInput.DIED_TOO_OFTEN): MemberState.FAILED,
        (MemberState.JOINING, MemberInput.NOT_RELOADED): MemberState.FAILED,
        (MemberState.JOINING, MemberInput.REMOVE): MemberState.LEAVING,
        (MemberState.RUNNING, MemberInput.JOIN): MemberState.JOINING,
        (MemberState.RUNNING, MemberInput.CUT): MemberState.JOINING,
        (MemberState.RUNNING, MemberInput.OVERTAKEN): MemberState.JOINING,
        (MemberState.RUNNING, MemberInput.REPLACE): MemberState.JOINING,
        (MemberState.RUNNING, MemberInput.DIED): MemberState.RESTARTING,
        # Attached, and its values are others than it had when it came back in doubt.
        (MemberState.RUNNING, MemberInput.DECLINED): MemberState.REFUSED,
        (MemberState.RUNNING, MemberInput.BROKE): MemberState.FAILED,
        (MemberState.RUNNING, MemberInput.DIED_TOO_OFTEN): MemberState.FAILED,
        (MemberState.RUNNING, MemberInput.REMOVE): MemberState.LEAVING,
        (MemberState.REFUSED, MemberInput.JOIN): MemberState.JOINING,
        (MemberState.REFUSED, MemberInput.CUT): MemberState.JOINING,
        (MemberState.REFUSED, MemberInput.APPLIED): MemberState.RUNNING,
        (MemberState.REFUSED, MemberInput.DECLINED): MemberState.REFUSED,
        (MemberState.REFUSED, MemberInput.BROKE): MemberState.FAILED,
        (MemberState.REFUSED, MemberInput.REMOVE): MemberState.LEAVING,
        (MemberState.RESTARTING, MemberInput.START): MemberState.STARTING,
        (MemberState.RESTARTING, MemberInput.REMOVE): MemberState.LEAVING,
        (MemberState.FAILED, MemberInput.JOIN): MemberState.JOINING,
        # Attached, and admitted to the next generation after it broke over one.
        (MemberState.FAILED, MemberInput.APPLIED): MemberState.RUNNING,
        (MemberState.FAILED, MemberInput.START): MemberState.STARTING,
        (MemberState.FAILED, MemberInput.TAKEN_BACK): MemberState.JOINING,
        (MemberState.FAILED, MemberInput.DECLINED): MemberState.REFUSED,
        (MemberState.FAILED, MemberInput.REMOVE): MemberState.LEAVING,
        (MemberState.LEAVING, MemberInput.START): MemberState.STARTING,
        (MemberState.LEAVING, MemberInput.NOT_RELOADED): MemberState.FAILED,
        (MemberState.LEAVING, MemberInput.REMOVE): MemberState.LEAVING,
    }
)


class Admission(Enum):
    """How far a member has got with being admitted to what is in force; or see Offered."""

    NONE = "nothing to be admitted to"
    WAITING = "has not been offered what is in force"


class Offered(NamedTuple):
    """The Admit of this generation is on its way, and has not been answered."""

    generation: int


class Early(NamedTuple):
    """A Join that waits."""

    peer: bytes
    message: Join


@dataclass(slots=True)
class Member:
    """One participant.  `spec` is None for one that attached itself; its process is not ours."""

    name: str
    state: MemberState
    since: float
    """When it came to be in this state, in seconds of the machine's (monotonic) clock."""
    spec: Spec | None = None
    ticket: int = 0
    """Of the start of its process, or of the watch over it; 0 where there is none."""
    pid: int = 0
    """0 as long as its process has not been reported."""
    early: Early | None = None
    """It joined before its process was reported; taken up, or refused, when that is."""
    peer: bytes | None = None
    incarnation: str = ""
    session: str = ""
    """That of its last Join."""
    generation: int = 0
    digest: Digest = NOTHING
    heard_at: float = 0.0
    """When it said something last, Join included (machine's clock)."""
    description: str = "{}"
    report: str = "{}"
    """What it said last of its values in force: JSON text, as in Applied."""
    runtime: dict[str, RuntimeValue] = field(default_factory=dict)
    """Values set for it alone, by key, in the order of setting; they outlive its process."""
    runtime_untried: bool = False
    """Whether those values were decided, and it has not run with them yet."""
    owes: str | None = None
    """The txid of a Prepare that it has not answered; it is asked nothing else meanwhile."""
    owes_since: float = 0.0
    probes: int = 0
    """How often it was spoken to while it owes that, to find out whether it is there at all."""
    admission: Admission | Offered = Admission.NONE
    """Changed by Members only, which keeps an index of those who wait."""
    told: int = 0
    """The generation of a Commit that its life was in doubt of, and has not answered; or 0."""
    deadline: float | None = None
    """When the patience with STARTING or JOINING ends, or RESTARTING does (machine's clock)."""
    patience: float = limits.PREPARE_SECONDS
    """How long it may take over STARTING and JOINING each, in seconds."""
    deaths: list[float] = field(default_factory=list)
    """Until when each death counts, RESTART_WINDOW_SECONDS from it (machine's clock)."""
    restarts: int = 0
    why: str = ""
    """What went wrong last, for people."""
    explained: bool = False
    """Whether `why` is of its present process, and tells more than how that ends."""
    replaces: "Member | None" = None
    """A failed one of this name: it has its place back if this one does not come up."""

    def become(self, state: MemberState, given: MemberInput, now: float) -> None:
        """The only way its state changes; raises Forbidden for a step that is not in MEMBER.

        A deadline belongs to the state it was set in, so it ends here.  Whoever waits for the
        new state to pass sets another.
        """
        after = MEMBER[self.state, given]
        if after is not state:
            raise Forbidden(f"{given!r} in state {self.state!r} leads to {after!r}, not {state!r}")
        if state is not self.state:
            self.state, self.since = state, now
        self.deadline = None

    def explain(self, why: str) -> None:
        """What is wrong with it, in its own words or in ours; better than how it dies of it."""
        self.why, self.explained = why, True

    @property
    def attached(self) -> bool:
        """True if it came by itself, as part of a process that is not ours."""
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
        self._waiting: dict[str, Member] = {}

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
        member.owes, member.probes, member.told = None, 0, 0
        self.admit_to(member, Admission.NONE)

    def admit_to(self, member: Member, admission: Admission | Offered) -> None:
        """The only way that `member.admission` changes."""
        assert admission is Admission.NONE or member.peer is not None
        member.admission = admission
        if admission is Admission.WAITING:
            self._waiting[member.name] = member
        else:
            self._waiting.pop(member.name, None)

    def waiting(self) -> list[Member]:
        """Those to whom what is in force has to be offered yet, by name."""
        return [self._waiting[name] for name in sorted(self._waiting)]

    def not_on(self, generation: int) -> list[Member]:
        """Those that should run this generation and do not.

        One that was refused has no vote and is no member, and one that leaves soon is none.
        """
        out = (MemberState.REFUSED, MemberState.LEAVING)
        return [
            member
            for member in self._by_name.values()
            if member.state not in out
            and (member.state is not MemberState.RUNNING or member.generation != generation)
        ]

    def running(self) -> list[Member]:
        """Those whose vote counts."""
        return [member for member in self._by_name.values() if member.state is MemberState.RUNNING]
