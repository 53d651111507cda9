# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a participant claims to run: nothing where it broke, else the last that it applied."""

from participant.core.effects import Cancel, Tell, Validate
from participant.core.events import Connected, Cut, Event, Finished, Heard, Judged
from participant.core.machine import Participant
from protocol.configuration import Configuration
from protocol.messages import NOTHING, Abort, Admit, Applied, Commit, Join, Prepare
from protocol.reasons import Reason

OLD, NEW = (Configuration.of({"v": number}) for number in (1, 2))


def admit(machine: Participant, content: Configuration, generation: int) -> Heard:
    return Heard(Admit("here", 1, machine.session, generation, content.digest, content.encoded, ()))


def claims(machine: Participant, *events: Event) -> list[tuple[int, str]]:
    """Generation and digest, as each Join and Applied has them."""
    effects = [effect for event in events for effect in machine.step(event)]
    told = [effect.message for effect in effects if isinstance(effect, Tell)]
    return [(said.generation, said.digest) for said in told if isinstance(said, Join | Applied)]


def running() -> Participant:
    machine = Participant("a", "a-1", 7)
    assert claims(machine, Connected()) == [(0, NOTHING)]
    said = claims(machine, admit(machine, OLD, 1), Judged(), Finished((), "{}"))
    assert said == [(1, OLD.digest)]
    return machine


def test_one_that_was_asked_nothing_yet_has_nothing_to_decide() -> None:
    machine = Participant("a", "a-1", 7)
    abort, commit = Heard(Abort("here", 1, "1.1")), Heard(Commit("here", 1, "1.1", 2))
    assert machine.step(abort) == (), "and there is no connection yet"
    machine.step(Connected())
    assert machine.in_doubt is None
    assert machine.step(abort) == machine.step(commit) == ()
    assert claims(machine, Cut(), Connected()) == [(0, NOTHING)]


def test_one_that_broke_in_commit_runs_nothing_that_has_a_name() -> None:
    machine = running()
    prepare = Prepare("here", 1, "1.1", 1, NEW.digest, NEW.encoded, 10.0, False)
    commit = Commit("here", 1, "1.1", 2)
    broke = Finished((Reason("a", "broke"),), "{}")
    assert claims(machine, Heard(prepare), Judged(), Heard(commit), broke) == [(2, NOTHING)]
    assert claims(machine, Cut(), Connected()) == [(1, NOTHING)]


def test_one_that_applied_it_says_so_over_a_cut() -> None:
    machine = running()
    assert claims(machine, Cut(), Connected()) == [(1, OLD.digest)]


def test_what_it_runs_already_is_not_applied_again() -> None:
    machine = running()
    assert claims(machine, admit(machine, OLD, 4)) == [(4, OLD.digest)]
    assert claims(machine, admit(machine, NEW, 5)) == [], "that has to be looked at"


def test_an_abort_that_comes_again_or_too_late_changes_nothing() -> None:
    prepare = Prepare("here", 1, "1.1", 1, NEW.digest, NEW.encoded, 10.0, False)
    abort, commit = Heard(Abort("here", 1, "1.1")), Heard(Commit("here", 1, "1.1", 2))
    machine = running()
    machine.step(Heard(prepare))
    assert machine.step(abort) == (Cancel(),)
    assert machine.step(abort) == (), "its module is still looking"
    machine = running()
    for event in (Heard(prepare), Judged(), commit):
        machine.step(event)
    assert machine.step(abort) == (), "it is decided"
    assert claims(machine, Finished((), "{}")) == [(2, NEW.digest)]


def test_an_admission_waits_until_the_module_is_free_and_the_last_one_counts() -> None:
    machine = running()
    machine.step(Heard(Prepare("here", 1, "1.1", 1, NEW.digest, NEW.encoded, 10.0, False)))
    machine.step(Heard(Abort("here", 1, "1.1")))
    assert machine.step(admit(machine, OLD, 4)) == ()
    assert machine.step(admit(machine, NEW, 5)) == ()
    vote, looks = machine.step(Judged())[-2:]
    assert isinstance(vote, Tell)
    assert isinstance(looks, Validate)
    assert looks.candidate == NEW
    machine.step(Judged())
    assert claims(machine, Finished((), "{}")) == [(5, NEW.digest)]


def test_an_admission_is_of_the_connection_on_which_it_came() -> None:
    machine = running()
    machine.step(Heard(Prepare("here", 1, "1.1", 1, NEW.digest, NEW.encoded, 10.0, False)))
    machine.step(Heard(Abort("here", 1, "1.1")))
    machine.step(admit(machine, NEW, 5))
    machine.step(Cut())
    machine.step(Connected())
    assert claims(machine, Judged()) == [(1, OLD.digest)], "it joins anew, and is admitted anew"


def test_what_was_refused_given_back_or_applied_is_not_kept() -> None:
    prepare = Heard(Prepare("here", 1, "1.1", 1, NEW.digest, NEW.encoded, 10.0, False))
    no = Judged((Reason("a", "no such table"),))
    abort, commit = Heard(Abort("here", 1, "1.1")), Heard(Commit("here", 1, "1.1", 2))
    for events in ((no,), (Judged(), abort), (Judged(), commit, Finished((), "{}"))):
        machine = running()
        machine.step(prepare)
        assert machine.staged is not None
        for event in events:
            machine.step(event)
        assert machine.staged is None, "a configuration may be large"
