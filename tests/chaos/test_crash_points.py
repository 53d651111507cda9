# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every point between two effects is a point at which a process may die."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.chaos import plans
from tests.chaos.broker import BRISK, VOTER, ChaosBroker
from tests.chaos.campaign import (
    Asking,
    Library,
    Opening,
    Scenario,
    Tally,
    digest_of_files,
    points,
    proposing,
    struck,
)
from tests.support.outcome import expect
from tests.support.patience import until

pytestmark = pytest.mark.timeout(900)

CHANGES = {
    "commit": proposing(),
    "reject": proposing(y="refuse"),
    "dry run": proposing(dry_run=True),
    "refused dry run": proposing(dry_run=True, y="refuse"),
}


def loading(broker: ChaosBroker, tally: Tally) -> Asking:
    """A module is loaded."""
    return Asking(broker, tally, "module-load", name="m", path=str(VOTER))


def reloading(broker: ChaosBroker, tally: Tally) -> Asking:
    """A module is replaced by a new process of itself."""
    return Asking(broker, tally, "module-reload", name="m")


def removing(broker: ChaosBroker, tally: Tally) -> Asking:
    """A module is removed."""
    return Asking(broker, tally, "module-remove", name="m")


def guests(broker: ChaosBroker, stack: ExitStack, *names: str) -> None:
    """Participants that survive every broker of this test."""
    stack.enter_context(broker.attached(*names))


def at_rest(broker: ChaosBroker, *names: str) -> list[str]:
    """Wait until all of `names` count again, and judge."""
    for name in names:
        broker.wait_for(name, "running")
    return broker.judge_at_rest()


def kill_broker_everywhere(
    broker: ChaosBroker, tally: Tally, scenario: Scenario, modules: tuple[str, ...], *names: str
) -> None:
    """Kill the broker at every point of `scenario`, and start it again each time."""
    plan_file, library = broker.plans / "broker", Library(broker)
    for plan in points(signal.SIGKILL):
        plans.place(plan_file, plan)
        asking = scenario(broker, tally)
        library.keep()
        where = struck(plan_file, asking)
        if not where:
            asking.wait()
            return
        assert broker.wait_dead() == -signal.SIGKILL
        asking.wait()
        if tally.title != "commit" or plan.when == "before":
            library.restore()  # otherwise the files are a proposal to the next life
        broker.start(*BRISK, modules=modules)
        tally.found(where, [*at_rest(broker, *names), *broker.judge(*tally.answers)])


@pytest.mark.parametrize("title", CHANGES)
def test_broker_killed_in_a_change(broker: ChaosBroker, title: str) -> None:
    tally = Tally(title)
    broker.start(*BRISK)
    with ExitStack() as stack:
        guests(broker, stack, "x", "y")
        kill_broker_everywhere(broker, tally, CHANGES[title], (), "x", "y")
    print(f"broker killed, {tally}")
    assert len(tally.struck) >= 10
    assert tally.violations == []


OVER_A_MODULE = {"load": loading, "reload": reloading, "remove": removing}


@pytest.mark.parametrize("title", OVER_A_MODULE)
def test_broker_killed_over_a_module(broker: ChaosBroker, title: str) -> None:
    tally = Tally(title)
    scenario, modules = OVER_A_MODULE[title], () if title == "load" else ("m",)
    broker.start(*BRISK, modules=modules)
    with ExitStack() as stack:
        guests(broker, stack, "x")
        kill_broker_everywhere(broker, tally, scenario, modules, "x", *modules)
        assert ("m" in broker.members()) == (title != "remove")
    print(f"broker killed, {tally}")
    assert len(tally.struck) >= 6
    assert tally.violations == []


def test_broker_killed_while_it_starts(broker: ChaosBroker) -> None:
    """Changed files, a module of its own and a survivor: the longest of all starts."""
    tally = Tally("start")
    broker.start(*BRISK, modules=("m",))
    plan_file = broker.plans / "broker"
    with ExitStack() as stack:
        guests(broker, stack, "x")
        for plan in points(signal.SIGKILL):
            broker.end(signal.SIGKILL)
            plans.place(plan_file, plan)
            broker.write()
            broker.launch(*BRISK, modules=("m",))
            died = _dies(broker)
            if not died:
                plans.withdraw(plan_file)
                break
            where = plans.carried_out(plan_file)
            before = broker.judge()
            broker.start(*BRISK, modules=("m",))
            tally.found(where, [*before, *at_rest(broker, "m", "x")])
            assert broker.ask("get")["digest"] == digest_of_files(broker)
    print(f"broker killed, {tally}")
    assert len(tally.struck) >= 20
    assert tally.violations == []


def _dies(broker: ChaosBroker) -> bool:
    """Whether a starting broker dies of its plan; False: it lets clients in."""
    try:
        broker.wait_until_open()
    except AssertionError:
        assert plans.carried_out(broker.plans / "broker"), broker.log_text()[-2000:]
        assert broker.wait_dead() == -signal.SIGKILL
        return True
    return False


def kill_module_everywhere(
    broker: ChaosBroker, tally: Tally, scenario: Scenario
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Kill the module at every point of `scenario`: where it was struck ("": beyond the last point,
    and it is for the caller to stop), and how the request ended."""
    for plan in points(signal.SIGKILL):
        plans.place(broker.plans / "m", plan)
        asking = scenario(broker, tally)
        where = struck(broker.plans / "m", asking)
        outcome = asking.wait()
        assert outcome is not None
        yield where, outcome


@pytest.mark.parametrize("title", CHANGES)
def test_module_killed_in_a_change(broker: ChaosBroker, title: str) -> None:
    tally = Tally(title)
    broker.start(*BRISK, modules=("m",))
    with ExitStack() as stack:
        guests(broker, stack, "y")
        for where, _ in kill_module_everywhere(broker, tally, CHANGES[title]):
            if not where:
                break
            tally.found(where, [*at_rest(broker, "m", "y"), *broker.judge(*tally.answers)])
    print(f"module killed, {tally}")
    assert len(tally.struck) >= 4
    assert tally.violations == []


def test_module_killed_while_it_is_loaded(broker: ChaosBroker) -> None:
    tally = Tally("load")
    broker.start(*BRISK)
    for where, outcome in kill_module_everywhere(broker, tally, loading):
        if outcome["result"] == "loaded":
            at_rest(broker, "m")
            broker.remove_module("m")
        if not where:
            break
        tally.found(where, [*at_rest(broker), *broker.judge()])
        assert "m" not in broker.members()
    print(f"module killed, {tally}")
    assert len(tally.struck) >= 6
    assert tally.violations == []


def test_module_killed_while_it_is_reloaded(broker: ChaosBroker) -> None:
    """Either process, the old or the new one, dies at any of its points."""
    tally = Tally("module reload")
    broker.start(*BRISK, modules=("m",))
    for where, outcome in kill_module_everywhere(broker, tally, reloading):
        if not where:
            break
        tally.found(where, broker.judge())
        if outcome["result"] != "reloaded":
            broker.remove_module("m")
            assert loading(broker, tally).wait() is not None
        tally.violations += at_rest(broker, "m")
    print(f"module killed, {tally}")
    assert len(tally.struck) >= 8
    assert tally.violations == []


def test_module_killed_while_it_is_removed(broker: ChaosBroker) -> None:
    tally = Tally("remove")
    broker.start(*BRISK, modules=("m",))
    for where, outcome in kill_module_everywhere(broker, tally, removing):
        expect(outcome, "removed")
        assert "m" not in broker.members()
        assert loading(broker, tally).wait() is not None
        if not where:
            break
        tally.found(where, at_rest(broker, "m"))
    print(f"module killed, {tally}")
    assert len(tally.struck) >= 4
    assert tally.violations == []


def test_module_killed_while_the_broker_starts(broker: ChaosBroker) -> None:
    """Dead before its yes, and the start is refused; dead after it, and it is started again."""
    tally, path, refused = Tally("start"), broker.plans / "m", 0
    broker.start(*BRISK, modules=("m",))
    with ExitStack() as stack:
        guests(broker, stack, "x")
        for plan in points(signal.SIGKILL):
            broker.end(signal.SIGKILL)
            generation = broker.rows()[-1].generation
            plans.place(path, plan)
            broker.write()
            broker.launch(*BRISK, modules=("m",))
            where = struck(path, _Start(broker))
            until(lambda: _Start(broker).over, "an end, or clients are let in")
            assert broker.process is not None
            if broker.process.poll() is not None:
                assert broker.wait_dead() == 1, where
                assert "flux-broker: m: died (killed by SIGKILL)" in broker.log_text()
                assert broker.rows()[-1].generation == generation, "refused, and yet decided"
                refused += 1
                broker.start(*BRISK, modules=("m",))
            elif not where:
                break
            tally.found(where, at_rest(broker, "m", "x"))
            assert broker.ask("get")["digest"] == digest_of_files(broker)
    print(f"module killed, {tally}; {refused} starts refused")
    assert 0 < refused < len(tally.struck)
    assert len(tally.struck) >= 8
    assert tally.violations == []


class _Start(Opening):
    """A start that may also end with the end of the broker."""

    @property
    def over(self) -> bool:
        try:
            return super().over
        except AssertionError:
            return True
