# SPDX-License-Identifier: LGPL-3.0-or-later
"""How what came of a rehearsal goes into a rank's vote.  No Flux: what both say is put in here."""

from collections.abc import Callable
from typing import Any

from fluxcore.handle import Failure
from participant.fluxcore.kept_stage import KeptStage
from participant.fluxcore.modules import LocalModules
from participant.fluxcore.rehearsal import Rehearsed
from participant.fluxcore.rehearsing import RankQuestion, Rehearsals
from participant.judging import Judgement
from protocol.configuration import EMPTY, Configuration
from protocol.reasons import Reason

NEW = Configuration.of({"heartbeat": {"period": "never"}})
OWN, SAME = Reason("heartbeat", "not a duration"), Reason("heartbeat", "error parsing")
OTHER = Reason("kvs", "no")
YES = Judgement(())


class Modules(LocalModules):
    """Those of a broker that is not there."""

    def __init__(self, said: Judgement, names: tuple[str, ...] | Failure = ("heartbeat",)) -> None:
        self.said = said
        self.names = names
        self.released = False

    def judge(self, txid: str, candidate: Configuration, dry_run: bool, seconds: float,
              then: Callable[[Judgement], None]) -> None:  # fmt: skip
        then(self.said)

    def list(self, then: Callable[[tuple[str, ...] | Failure], None]) -> None:
        then(self.names)

    def release(self) -> None:
        self.released = True


class Beside:
    """A thread that does nothing, and a clock that is moved by hand."""

    def __init__(self) -> None:
        self.results: list[Callable[[object], None]] = []
        self.late: list[Callable[[], None]] = []

    def submit(self, _: Callable[[], object], then: Callable[[object], None]) -> None:
        self.results.append(then)

    def now(self) -> float:
        return 0.0

    def call_at(self, _: float, callback: Callable[[], None]) -> None:
        self.late.append(callback)


def asked(modules: Modules, beside: Beside, wanted: bool = True) -> list[Judgement]:
    """What the rank says, as it comes."""
    told: list[Judgement] = []
    rehearsals = Rehearsals(KeptStage("flux"), beside.submit, beside, lambda _: wanted)
    rehearsals.judge(modules, RankQuestion("1.2", EMPTY, NEW, False, 8.0), told.append)
    return told


def said(*reasons: Reason) -> Rehearsed:
    """A rehearsal in which these modules refused."""
    names: Any = {reason.module for reason in reasons} | {"heartbeat"}
    return Rehearsed(
        {name: Judgement(tuple(one for one in reasons if one.module == name)) for name in names}
    )


def test_the_vote_waits_for_it_and_a_refusal_is_a_no() -> None:
    modules, beside = Modules(YES), Beside()
    told = asked(modules, beside)
    assert told == []
    beside.results[0](said(SAME))
    assert [str(reason) for reason in told[0].reasons] == ["heartbeat: error parsing (rehearsed)"]
    assert modules.released


def test_who_has_objected_is_not_cited_twice() -> None:
    beside = Beside()
    told = asked(Modules(Judgement((OWN,))), beside)
    beside.results[0](said(SAME, OTHER))
    assert [str(reason) for reason in told[0].reasons] == [
        "heartbeat: not a duration",
        "kvs: no (rehearsed)",
    ]


def test_one_that_cannot_be_held_is_a_warning() -> None:
    modules, beside = Modules(YES), Beside()
    told = asked(modules, beside)
    beside.results[0](Rehearsed(why_none="no such program"))
    assert not told[0].reasons
    assert [str(warning) for warning in told[0].warnings] == [
        "rehearsal: could not be held: no such program"
    ]
    assert not modules.released


def test_one_that_fails_or_is_late_is_a_warning_and_answers_once() -> None:
    beside = Beside()
    told = asked(Modules(YES), beside)
    beside.late[0]()
    beside.results[0](said(SAME))
    assert [str(warning) for warning in told[0].warnings] == [
        "rehearsal: could not be held: not done within 8 s"
    ]
    assert len(told) == 1


def test_modules_that_cannot_be_listed_are_a_warning() -> None:
    told = asked(Modules(YES, Failure(5, "gone")), Beside())
    assert told[0].warnings[0].message == "could not be held: module list: gone"


def test_modules_that_are_not_fluxs_own_are_no_warning() -> None:
    beside = Beside()
    told = asked(Modules(YES), beside)
    beside.results[0](Rehearsed({}, {"mine": "not flux-core's", "kvs": "cannot be loaded"}))
    assert [warning.module for warning in told[0].warnings] == ["kvs"]


def test_a_change_that_is_not_rehearsed_waits_for_nothing() -> None:
    beside = Beside()
    assert asked(Modules(YES), beside, wanted=False) == [YES]
    assert beside.results == []


class Kept(KeptStage):
    """One that only remembers what came into force."""

    def __init__(self) -> None:
        super().__init__("flux")
        self.settled: list[Configuration] = []
        self.expired = 0

    def settle(self, in_force: Configuration) -> None:
        self.settled.append(in_force)

    def expire(self) -> None:
        self.expired += 1


class Thread(Beside):
    """It does what it is given at once, and of a rehearsal nothing."""

    def submit(self, job: Callable[[], object], then: Callable[[object], None]) -> None:
        if self.results:
            job()
        super().submit(job, then)


def test_what_a_change_was_rehearsed_on_is_looked_at_when_it_is_over() -> None:
    """Not before: a change may take long, and what is given to it is not in force until then."""
    kept, beside = Kept(), Thread()
    rehearsals = Rehearsals(kept, beside.submit, beside, lambda txid: txid != "unrehearsed")
    rehearsals.over(EMPTY)
    rehearsals.judge(Modules(YES), RankQuestion("unrehearsed", EMPTY, NEW, False, 8.0), ignored)
    rehearsals.over(EMPTY)
    assert kept.settled == []
    rehearsals.judge(Modules(YES), RankQuestion("1.2", EMPTY, NEW, False, 8.0), ignored)
    beside.results[0](said())
    assert kept.settled == []
    rehearsals.over(NEW)
    rehearsals.over(NEW)
    assert kept.settled == [NEW]
    beside.late[-1]()
    assert kept.expired == 1


def test_what_was_used_since_does_not_expire() -> None:
    kept, beside = Kept(), Thread()
    rehearsals = Rehearsals(kept, beside.submit, beside, lambda _: True)
    rehearsals.judge(Modules(YES), RankQuestion("1.2", EMPTY, NEW, False, 8.0), ignored)
    rehearsals.over(NEW)
    expire = beside.late[-1]
    rehearsals.judge(Modules(YES), RankQuestion("1.3", NEW, EMPTY, False, 8.0), ignored)
    expire()
    assert kept.expired == 0


def ignored(_: Judgement) -> None:
    """Nobody waits for the vote."""
