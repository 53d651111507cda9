# SPDX-License-Identifier: LGPL-3.0-or-later
"""Whoever lost an answer asks again by the name of the change, and gets the true one."""

from collections.abc import Callable

from coordinator.core.decisions import Decision, Durable, Receipt
from coordinator.core.events import Asked, Begin
from coordinator.core.machine import Coordinator
from coordinator.core.members import Member, MemberState
from coordinator.core.requests import ChangeRequest, Replacement, Who
from coordinator.fluxcore.attendance import Attendance
from coordinator.fluxcore.named_changes import NamedChanges
from coordinator.fluxcore.service import ConfigRequest, Then
from fluxcore.handle import Failure
from protocol import limits
from protocol.configuration import Configuration
from protocol.messages import LedgerId
from tests.unit.coordinator.fluxcore.test_attendance import VirtualTime

AGAIN = ConfigRequest("load", 0, "name.1", again=True)


class Life:
    """A coordinator's life on a ledger whose last decision is generation 5."""

    def __init__(self, txid: str = "name.1", verb: str = "load", before: str = "") -> None:
        self.clock = VirtualTime()
        empty = Configuration.of({})
        decision = Decision(5, txid, 1, empty, None, ("rank 0",), verb)
        receipts = {txid: Receipt(txid, 5)}
        if before:
            receipts = {before: Receipt(before, 4), **receipts}
        self.machine = Coordinator(2, Durable(receipts[txid], decision), receipts,
                                   ledger=LedgerId("ledger"))  # fmt: skip
        self.online = frozenset({0})
        members = self.machine.members
        attendance = Attendance(self.clock, lambda: self.online, lambda: members, lambda: 5)
        self.begun: list[tuple[ConfigRequest, Then]] = []
        self.withdrawn = 0
        self.named = NamedChanges(self.machine, attendance, self.clock, self._begin)
        self.answers: list[Failure | None] = []

    def _begin(self, wanted: ConfigRequest, then: Then) -> Callable[[], None]:
        self.begun.append((wanted, then))
        return self._withdraw

    def _withdraw(self) -> None:
        self.withdrawn += 1

    def ask(self, wanted: ConfigRequest) -> Callable[[], None]:
        """Ask; what is answered is kept."""
        return self.named.ask(wanted, self.answers.append)

    def joins(self, generation: int = 5) -> None:
        """Rank 0 runs this."""
        member = Member("rank 0", MemberState.RUNNING, 0.0)
        member.generation = generation
        self.machine.members.add(member)
        self.named.look()

    def told(self) -> str:
        """The text of the only answer."""
        (answer,) = self.answers
        assert answer is not None
        return answer.text


def test_nothing_is_begun_before_the_start_is_complete() -> None:
    life = Life()
    life.ask(ConfigRequest("load", 0, "name.2"))
    assert not life.begun
    life.named.open()
    assert [wanted.txid for wanted, _ in life.begun] == ["name.2"]


def test_a_decision_of_a_former_life_is_told_when_all_ranks_run_it() -> None:
    life = Life()
    life.named.open()
    life.ask(AGAIN)
    assert not life.answers
    life.joins()
    assert life.answers == [None]
    assert not life.begun


def test_what_is_not_in_the_ledger_was_not_done_and_is_not_tried() -> None:
    life = Life("other")
    life.named.open()
    life.ask(AGAIN)
    assert life.told().endswith("nothing changed; generation 5 stays in force; ask again")
    assert not life.begun


def test_a_rank_that_does_not_come_to_run_it_is_no_reason_to_wait_for_ever() -> None:
    life = Life()
    life.named.open()
    life.ask(AGAIN)
    life.joins(generation=4)
    life.clock.go(limits.RANK_JOIN_SECONDS)
    assert "generation 5 was committed, and was not applied everywhere" in life.told()


def test_what_was_undone_since_is_told_so() -> None:
    life = Life("undoing", verb="undo", before="name.1")
    life.named.open()
    life.joins()
    life.ask(AGAIN)
    assert "undone: generation 5 is what ran before" in life.told()


def test_who_asks_again_while_it_is_under_way_or_answered_gets_the_same_answer() -> None:
    life = Life("other")
    life.named.open()
    withdraw = life.ask(AGAIN._replace(again=False))
    life.ask(AGAIN)
    ((_, then),) = life.begun
    failure = Failure(22, "no")
    then(failure)
    life.ask(AGAIN)
    assert life.answers == [failure] * 3
    assert len(life.begun) == 1
    withdraw()
    assert life.withdrawn == 1


def test_only_so_many_answers_are_kept() -> None:
    life = Life("other")
    life.named.open()
    for number in range(limits.DECISIONS_KNOWN + 1):
        life.ask(ConfigRequest("load", 0, f"n{number}"))
        life.begun[-1][1](None)
    life.ask(ConfigRequest("load", 0, "n0", again=True))
    assert life.answers[-1] is not None


def test_the_name_of_a_change_is_its_txid() -> None:
    machine = Life("other").machine
    machine.step(0.0, Begin((), None, (), False, 1.0, (), Who()))
    asked = ChangeRequest(Replacement(Configuration.of({"a": 1})), "load", txid="name.7")
    step = machine.step(0.0, Asked(1, asked))
    assert step.force is not None
    assert step.force.txid == "name.7"
