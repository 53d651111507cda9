# SPDX-License-Identifier: LGPL-3.0-or-later
"""The state of a broker as its service manager sees it, by what the machine is in."""

from coordinator.core.events import Begin, Received, Started, Stop
from coordinator.core.machine import Coordinator
from coordinator.core.requests import Spec
from coordinator.core.results import Outcome, Result
from coordinator.service.state import BY_SIGNAL, ServiceView
from protocol import limits
from protocol.messages import Join
from protocol.reasons import Reason


def machine(*names: str) -> Coordinator:
    """One that starts with these modules, of which none has joined."""
    made = Coordinator(1, ledger="l")
    made.step(0.0, Begin(tuple((name, Spec(name)) for name in names)))
    return made


def test_a_start_says_who_is_awaited() -> None:
    view = ServiceView(machine("a", "b"))
    state = view.state(ready=False)
    assert (state.ready, state.status) == (False, "starting; awaited: a, b")
    assert view.state(ready=False, failure="a: no").status == "a: no"


def test_what_is_wrong_is_in_the_status() -> None:
    made = machine("a", "b")
    for number, name in enumerate(("a", "b"), 1):
        made.step(0.0, Started(name, number, 10 + number))
    made.step(0.0, Received(b"1", Join("", 0, "i", "a", 2, 0, "", None, 11, "i.1", "{}")))
    view = ServiceView(made)
    told = view.state(ready=True, absent=("a", "gone")).status
    assert told == "generation 0, 0 modules; a is joining; b is starting; missed: gone"


def test_a_status_is_bounded() -> None:
    view = ServiceView(machine(*(f"module-{number}" for number in range(500))))
    assert len(view.state(ready=False).status) == limits.STATUS_LENGTH


def test_reloads_by_command_are_seen_and_those_by_signal_are_told() -> None:
    made = machine()
    view = ServiceView(made)
    assert not view.state(ready=True).reloading
    assert view.signalled()
    assert view.signalled()
    assert not view.signalled(), "the one that waits will do"
    state = view.state(ready=True)
    assert (state.reloads, state.reloading) == (3, True)
    view.answered(BY_SIGNAL, None)
    view.answered(BY_SIGNAL, None)
    assert not view.state(ready=True).reloading


def test_the_last_reload_that_was_refused_is_told_until_something_else_is_in_force() -> None:
    made = machine()
    view = ServiceView(made)
    view.signalled()
    refused = Outcome(Result.REFUSED, 0, reasons=(Reason("a", "no"), Reason("b", "no")))
    view.answered(BY_SIGNAL, refused)
    assert view.state(ready=True).status == (
        "generation 0, 0 modules; the last reload was refused: a: no"
    )
    view.signalled()
    view.answered(BY_SIGNAL, Outcome(Result.UNCHANGED, 0))
    assert view.state(ready=True).status == "generation 0, 0 modules"
    view.answered(7, refused)  # of a client whose change is no reload
    assert view.state(ready=True).status == "generation 0, 0 modules"


def test_a_broker_that_stops() -> None:
    made = machine("a")
    made.step(0.0, Stop())
    state = ServiceView(made).state(ready=True)
    assert (state.stopping, state.status) == (True, "stopping")
