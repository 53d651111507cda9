# SPDX-License-Identifier: LGPL-3.0-or-later
"""One start and another of the same name: what is said of one is not taken for the other."""

from coordinator.core.decisions import Durable, Receipt
from coordinator.core.effects import Effect, Kill, Send, StartProcess, TellAdmit
from coordinator.core.events import Asked, Begin, Died, Event, Forced, Received, Started, TimePassed
from coordinator.core.machine import Coordinator
from coordinator.core.members import MemberState
from coordinator.core.requests import LoadRequest, ModuleReloadRequest, RemoveRequest, Spec
from protocol import limits
from protocol.messages import NOTHING, Applied, Join, Refuse


class Machine:
    """A coordinator whose start is over, with nobody loaded."""

    def __init__(self) -> None:
        self.machine = Coordinator(1, ledger="ours")
        self.effects: list[Effect] = []
        self.step(Begin())
        decision = self.pending
        assert decision is not None
        self.digest = decision.configuration.digest
        self.step(Forced(Durable(Receipt(decision.txid, 1), decision)))

    def step(self, event: Event, now: float = 0.0) -> list[Effect]:
        """What the machine does about it."""
        done = self.machine.step(now, event)
        self.pending = done.force
        self.effects = list(done.effects)
        return self.effects

    def load(self, now: float = 0.0) -> int:
        """Ask for a load of `a`; the ticket of the start."""
        self.step(Asked(1, LoadRequest("a", Spec("a.py"), 1.0)), now)
        (start,) = (effect for effect in self.effects if isinstance(effect, StartProcess))
        return start.ticket


def join(pid: int, incarnation: str = "one") -> Join:
    return Join("", 0, incarnation, "a", limits.PROTOCOL_VERSION, 0, NOTHING, None, pid, "s", "{}")


def test_a_join_before_the_report_of_its_process_waits_for_it() -> None:
    machine = Machine()
    ticket = machine.load()
    assert not machine.step(Received(b"p", join(41)))
    machine.step(Started("a", ticket, 41))
    assert any(isinstance(effect, TellAdmit) for effect in machine.effects)


def test_a_join_of_another_process_is_refused_when_the_right_one_is_reported() -> None:
    machine = Machine()
    ticket = machine.load()
    machine.step(Received(b"p", join(99)))
    machine.step(Started("a", ticket, 41))
    (send,) = (effect for effect in machine.effects if isinstance(effect, Send))
    assert isinstance(send.message, Refuse)
    member = machine.machine.members.get("a")
    assert member is not None
    assert (member.pid, member.state) == (41, MemberState.STARTING)


def test_a_start_that_was_given_up_is_killed_by_its_ticket_and_answers_for_itself() -> None:
    machine = Machine()
    first = machine.load()
    machine.step(Started("b", first + 7, 50))
    assert machine.effects == [Kill("b", first + 7)], "nobody asked for it"
    machine.step(Asked(2, LoadRequest("a", Spec("other.py"), 10.0)))
    machine.step(TimePassed(), now=1.5)
    assert Kill("a", first) in machine.effects, "though its pid is not known yet"
    machine.step(Died("a", first, "killed"), now=1.6)
    (start,) = (effect for effect in machine.effects if isinstance(effect, StartProcess))
    assert start.spec == Spec("other.py")
    machine.step(Started("a", first, 41), now=1.7)
    assert machine.effects == [Kill("a", first)]
    machine.step(Died("a", first, "killed"), now=1.8)
    member = machine.machine.members.get("a")
    assert member is not None
    assert (member.ticket, member.pid, member.state) == (start.ticket, 0, MemberState.STARTING)


def test_whoever_was_early_is_refused_when_the_process_that_was_awaited_has_ended() -> None:
    machine = Machine()
    ticket = machine.load()
    machine.step(Received(b"p", join(99)))
    machine.step(Died("a", ticket, "exited with status 1"))
    (send,) = (effect for effect in machine.effects if isinstance(effect, Send))
    assert send.peers == (b"p",)
    assert isinstance(send.message, Refuse)
    assert send.message.why.endswith("is another one, and exited with status 1")


def test_whoever_was_early_is_refused_when_the_module_is_given_up() -> None:
    machine = Machine()
    ticket = machine.load()
    machine.step(Received(b"p", join(99)))
    machine.step(TimePassed(), now=1.5)
    machine.step(TimePassed(), now=10.0)
    assert machine.machine.members.get("a") is not None, "it is being killed"
    machine.step(Asked(2, RemoveRequest("a", 1.0)), now=10.0)
    machine.step(TimePassed(), now=20.0)
    assert machine.machine.members.get("a") is None
    (send,) = (effect for effect in machine.effects if isinstance(effect, Send))
    assert isinstance(send.message, Refuse), "it would wait for ever"
    machine.step(Started("a", ticket, 41), now=21.0)
    assert machine.effects == [Kill("a", ticket)]


def test_a_module_that_is_being_restarted_says_so_to_who_takes_its_name() -> None:
    machine = Machine()
    ticket = machine.load()
    machine.step(Started("a", ticket, 41))
    machine.step(Received(b"p", join(41)))
    machine.step(Received(b"p", Applied(1, "one", 1, machine.digest, True)))
    machine.step(Died("a", ticket, "killed"))
    machine.step(Received(b"q", join(99, "two")))
    (send,) = (effect for effect in machine.effects if isinstance(effect, Send))
    assert isinstance(send.message, Refuse)
    assert send.message.why == "the name a is taken by a module that is restarting"


def test_a_reload_of_a_module_that_is_being_started_anew_leaves_one_process() -> None:
    machine = Machine()
    ticket = machine.load()
    machine.step(Started("a", ticket, 41))
    machine.step(Received(b"p", join(41)))
    machine.step(Received(b"p", Applied(1, "one", 1, machine.digest, True)))
    machine.step(Died("a", ticket, "killed"))
    (again,) = (e for e in machine.step(TimePassed(), now=1.0) if isinstance(e, StartProcess))
    machine.step(Asked(2, ModuleReloadRequest("a", 10.0)), now=1.0)
    assert Kill("a", again.ticket) in machine.effects
    assert not any(isinstance(effect, StartProcess) for effect in machine.effects)
    machine.step(Died("a", again.ticket, "killed"), now=1.1)
    (third,) = (effect for effect in machine.effects if isinstance(effect, StartProcess))
    assert third.ticket not in (ticket, again.ticket)
