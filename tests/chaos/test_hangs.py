# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every point between two effects is a point at which a process may stand still for a while.

SIGSTOP and SIGCONT change nothing but the time that it takes.  Points in the start of a process
take long, so only some of these are tried, and all of them where CHAOS_EVERY_POINT is set.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path

import pytest

from tests.chaos import plans
from tests.chaos.broker import BRISK, ChaosBroker
from tests.chaos.campaign import (
    Asking,
    Opening,
    Scenario,
    Tally,
    digest_of_files,
    points,
    struck,
    wait_stopped,
)
from tests.chaos.plans import Plan
from tests.chaos.test_crash_points import (
    CHANGES,
    OVER_A_MODULE,
    at_rest,
    guests,
    loading,
    removing,
)
from tests.support.outcome import expect
from tests.support.patience import until

EVERY_POINT = bool(os.environ.get("CHAOS_EVERY_POINT"))

pytestmark = pytest.mark.timeout(3600 if EVERY_POINT else 900)

RESULTS = {"commit": "committed", "reject": "refused", "dry run": "valid",
           "refused dry run": "refused"}  # fmt: skip
OVER_RESULTS = {"load": "loaded", "reload": "reloaded", "remove": "removed"}


def some_points(stride: int) -> Iterator[Plan]:
    """Every `stride`-th point; an odd stride takes turns between before and after."""
    return islice(points(signal.SIGSTOP), 0, None, 1 if EVERY_POINT else stride)


def let_go_on(path: Path) -> None:
    """Wait until the process that the plan struck stands still, and let it run again."""
    pid = plans.who_carried_out(path)
    wait_stopped(pid)
    with suppress(ProcessLookupError):  # the broker ends a module that takes long to go
        os.kill(pid, signal.SIGCONT)


def held_up(
    broker: ChaosBroker, who: str, plan: Plan, scenario: Scenario, tally: Tally
) -> Asking | None:
    """A request that was held up by `plan` and is over; None where it ended before that point."""
    path = broker.plans / who
    plans.place(path, plan)
    asking = scenario(broker, tally)
    where = struck(path, asking)
    if where:
        tally.found(where, [])
        wait_stopped(plans.who_carried_out(path))
        if who != "broker":  # readers are served whatever a module does
            # A decision may just be on its way: on the disk already, and not yet known to be.
            until(lambda: broker.ask("status")["generation"] == broker.rows()[-1].generation)
        let_go_on(path)
    assert asking.wait() is not None
    return asking if where else None


@pytest.mark.parametrize("title", CHANGES)
@pytest.mark.parametrize("who", ["broker", "m"])
def test_in_a_change(broker_of_two: ChaosBroker, who: str, title: str) -> None:
    broker, tally = broker_of_two, Tally(title)
    for plan in points(signal.SIGSTOP):
        asking = held_up(broker, who, plan, CHANGES[title], tally)
        if asking is None:
            break
        expect(asking.outcome, RESULTS[title])
        tally.violations += [*at_rest(broker, "m", "y"), *broker.judge(*tally.answers)]
    print(f"{who} stopped, {tally}")
    assert len(tally.struck) >= 4
    assert tally.violations == []


@pytest.mark.parametrize(("who", "title", "least"), [
    ("broker", "load", 6), ("broker", "reload", 8), ("broker", "remove", 2),
    ("m", "load", 3), ("m", "reload", 3), ("m", "remove", 1),
])  # fmt: skip
def test_over_a_module(broker: ChaosBroker, who: str, title: str, least: int) -> None:
    tally, modules = Tally(title), () if title == "load" else ("m",)
    broker.start(*BRISK, modules=modules)
    for plan in some_points(3):
        asking = held_up(broker, who, plan, OVER_A_MODULE[title], tally)
        if asking is None:
            break
        expect(asking.outcome, OVER_RESULTS[title])
        tally.violations += at_rest(broker, *([] if title == "remove" else ["m"]))
        if title == "load":
            assert removing(broker, tally).wait() is not None
        if title == "remove":
            assert "m" not in broker.members()
            assert loading(broker, tally).wait() is not None
    print(f"{who} stopped, {tally}")
    assert len(tally.struck) >= least
    assert tally.violations == []


@pytest.mark.parametrize(("who", "stride", "least"), [("broker", 5, 8), ("m", 3, 3)])
def test_while_a_broker_starts(broker: ChaosBroker, who: str, stride: int, least: int) -> None:
    """Changed files, a module of its own and a survivor: the longest of all starts."""
    tally, path = Tally("start"), broker.plans / who
    broker.start(*BRISK, modules=("m",))
    with ExitStack() as stack:
        guests(broker, stack, "x")
        for plan in some_points(stride):
            broker.end(signal.SIGKILL)
            plans.place(path, plan)
            broker.write()
            broker.launch(*BRISK, modules=("m",))
            where = struck(path, Opening(broker))
            if not where:
                break
            let_go_on(path)
            broker.wait_until_open()
            tally.found(where, at_rest(broker, "m", "x"))
            assert broker.ask("get")["digest"] == digest_of_files(broker)
    print(f"{who} stopped, {tally}")
    assert len(tally.struck) >= least
    assert tally.violations == []
