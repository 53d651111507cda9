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


def loading(house: ChaosBroker, tally: Tally) -> Asking:
    """A module is loaded."""
    return Asking(house, tally, "module-load", name="m", path=str(VOTER))


def reloading(house: ChaosBroker, tally: Tally) -> Asking:
    """A module is replaced by a new process of itself."""
    return Asking(house, tally, "module-reload", name="m")


def removing(house: ChaosBroker, tally: Tally) -> Asking:
    """A module is removed."""
    return Asking(house, tally, "module-remove", name="m")


def guests(house: ChaosBroker, stack: ExitStack, *names: str) -> None:
    """Participants that survive every broker of this test."""
    stack.enter_context(house.attached(*names))


def at_rest(house: ChaosBroker, *names: str) -> list[str]:
    """Wait until all of `names` count again, and judge."""
    for name in names:
        house.wait_for(name, "running")
    return house.judge_at_rest()


def kill_broker_everywhere(
    house: ChaosBroker, tally: Tally, scenario: Scenario, modules: tuple[str, ...], *names: str
) -> None:
    """Kill the broker at every point of `scenario`, and start it again each time."""
    plan_file, library = house.plans / "broker", Library(house)
    for plan in points(signal.SIGKILL):
        plans.place(plan_file, plan)
        asking = scenario(house, tally)
        library.keep()
        where = struck(plan_file, asking)
        if not where:
            asking.wait()
            return
        assert house.wait_dead() == -signal.SIGKILL
        asking.wait()
        if tally.title != "commit" or plan.when == "before":
            library.restore()  # otherwise the files are a proposal to the next life
        house.start(*BRISK, modules=modules)
        tally.found(where, [*at_rest(house, *names), *house.judge(*tally.answers)])


@pytest.mark.parametrize("title", CHANGES)
def test_broker_killed_in_a_change(house: ChaosBroker, title: str) -> None:
    tally = Tally(title)
    house.start(*BRISK)
    with ExitStack() as stack:
        guests(house, stack, "x", "y")
        kill_broker_everywhere(house, tally, CHANGES[title], (), "x", "y")
    print(f"broker killed, {tally}")
    assert len(tally.struck) >= 10
    assert tally.violations == []


OVER_A_MODULE = {"load": loading, "reload": reloading, "remove": removing}


@pytest.mark.parametrize("title", OVER_A_MODULE)
def test_broker_killed_over_a_module(house: ChaosBroker, title: str) -> None:
    tally = Tally(title)
    scenario, modules = OVER_A_MODULE[title], () if title == "load" else ("m",)
    house.start(*BRISK, modules=modules)
    with ExitStack() as stack:
        guests(house, stack, "x")
        kill_broker_everywhere(house, tally, scenario, modules, "x", *modules)
        assert ("m" in house.members()) == (title != "remove")
    print(f"broker killed, {tally}")
    assert len(tally.struck) >= 6
    assert tally.violations == []


def test_broker_killed_while_it_starts(house: ChaosBroker) -> None:
    """Changed files, a module of its own and a survivor: the longest of all starts."""
    tally = Tally("start")
    house.start(*BRISK, modules=("m",))
    plan_file = house.plans / "broker"
    with ExitStack() as stack:
        guests(house, stack, "x")
        for plan in points(signal.SIGKILL):
            house.end(signal.SIGKILL)
            plans.place(plan_file, plan)
            house.write()
            house.launch(*BRISK, modules=("m",))
            died = _dies(house)
            if not died:
                plans.withdraw(plan_file)
                break
            where = plans.carried_out(plan_file)
            before = house.judge()
            house.start(*BRISK, modules=("m",))
            tally.found(where, [*before, *at_rest(house, "m", "x")])
            assert house.ask("get")["digest"] == digest_of_files(house)
    print(f"broker killed, {tally}")
    assert len(tally.struck) >= 20
    assert tally.violations == []


def _dies(house: ChaosBroker) -> bool:
    """Whether a starting broker dies of its plan; False: its door is open."""
    try:
        house.wait_until_open()
    except AssertionError:
        assert plans.carried_out(house.plans / "broker"), house.log_text()[-2000:]
        assert house.wait_dead() == -signal.SIGKILL
        return True
    return False


def kill_module_everywhere(
    house: ChaosBroker, tally: Tally, scenario: Scenario
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Kill the module at every point of `scenario`: where it was struck ("": beyond the last point,
    and it is for the caller to stop), and how the request ended."""
    for plan in points(signal.SIGKILL):
        plans.place(house.plans / "m", plan)
        asking = scenario(house, tally)
        where = struck(house.plans / "m", asking)
        outcome = asking.wait()
        assert outcome is not None
        yield where, outcome


@pytest.mark.parametrize("title", CHANGES)
def test_module_killed_in_a_change(house: ChaosBroker, title: str) -> None:
    tally = Tally(title)
    house.start(*BRISK, modules=("m",))
    with ExitStack() as stack:
        guests(house, stack, "y")
        for where, _ in kill_module_everywhere(house, tally, CHANGES[title]):
            if not where:
                break
            tally.found(where, [*at_rest(house, "m", "y"), *house.judge(*tally.answers)])
    print(f"module killed, {tally}")
    assert len(tally.struck) >= 4
    assert tally.violations == []


def test_module_killed_while_it_is_loaded(house: ChaosBroker) -> None:
    tally = Tally("load")
    house.start(*BRISK)
    for where, outcome in kill_module_everywhere(house, tally, loading):
        if outcome["result"] == "loaded":
            at_rest(house, "m")
            house.remove_module("m")
        if not where:
            break
        tally.found(where, [*at_rest(house), *house.judge()])
        assert "m" not in house.members()
    print(f"module killed, {tally}")
    assert len(tally.struck) >= 6
    assert tally.violations == []


def test_module_killed_while_it_is_reloaded(house: ChaosBroker) -> None:
    """Either process, the old or the new one, dies at any of its points."""
    tally = Tally("module reload")
    house.start(*BRISK, modules=("m",))
    for where, outcome in kill_module_everywhere(house, tally, reloading):
        if not where:
            break
        tally.found(where, house.judge())
        if outcome["result"] != "reloaded":
            house.remove_module("m")
            assert loading(house, tally).wait() is not None
        tally.violations += at_rest(house, "m")
    print(f"module killed, {tally}")
    assert len(tally.struck) >= 8
    assert tally.violations == []


def test_module_killed_while_it_is_removed(house: ChaosBroker) -> None:
    tally = Tally("remove")
    house.start(*BRISK, modules=("m",))
    for where, outcome in kill_module_everywhere(house, tally, removing):
        expect(outcome, "removed")
        assert "m" not in house.members()
        assert loading(house, tally).wait() is not None
        if not where:
            break
        tally.found(where, at_rest(house, "m"))
    print(f"module killed, {tally}")
    assert len(tally.struck) >= 4
    assert tally.violations == []


def test_module_killed_while_the_broker_starts(house: ChaosBroker) -> None:
    """Dead before its yes, and the start is refused; dead after it, and it is started again."""
    tally, path, refused = Tally("start"), house.plans / "m", 0
    house.start(*BRISK, modules=("m",))
    with ExitStack() as stack:
        guests(house, stack, "x")
        for plan in points(signal.SIGKILL):
            house.end(signal.SIGKILL)
            generation = house.rows()[-1].generation
            plans.place(path, plan)
            house.write()
            house.launch(*BRISK, modules=("m",))
            where = struck(path, _Start(house))
            until(lambda: _Start(house).over, "an end or an open door")
            assert house.broker is not None
            if house.broker.poll() is not None:
                assert house.wait_dead() == 1, where
                assert "flux-broker: m: died (killed by SIGKILL)" in house.log_text()
                assert house.rows()[-1].generation == generation, "refused, and yet decided"
                refused += 1
                house.start(*BRISK, modules=("m",))
            elif not where:
                break
            tally.found(where, at_rest(house, "m", "x"))
            assert house.ask("get")["digest"] == digest_of_files(house)
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
