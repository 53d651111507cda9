# SPDX-License-Identifier: LGPL-3.0-or-later
"""A broker with few file descriptors, and more participants than it has places for.

It used to end in an abort of libzmq, "Too many open files (src/ipc_listener.cpp)".
"""

import resource
from contextlib import ExitStack

import pytest

from participant import Module, attach
from participant.runtime.attachment import Attachment
from tests.support.broker import RunningBroker
from tests.support.patience import until


class Guest(Module):
    """Accepts everything."""

    table = "guest"


def _crowd(broker: RunningBroker, stack: ExitStack, count: int) -> list[Attachment]:
    names = [f"guest{number}" for number in range(count)]
    return [stack.enter_context(attach(broker.uri, Guest(), name)) for name in names]


def _members(broker: RunningBroker) -> list[str]:
    return [module["state"] for module in broker.ask("modules")["modules"]]


@pytest.mark.parametrize(("limit", "count"), [(48, 30), (64, 60)])
def test_whoever_comes_too_late_hears_why(limit: int, count: int) -> None:
    broker = RunningBroker()
    limited = ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh", *broker.command()]
    places = (limit - 32) // 3
    try:
        broker.spawn(limited)
        broker.wait_until_open()
        with ExitStack() as stack:
            crowd = _crowd(broker, stack, count)
            until(
                lambda: sum(one.generation > 0 for one in crowd) == places, "all places are taken"
            )
            out = [one for one in crowd if not one.generation]
            until(lambda: all("ulimit -n" in one.refusal for one in out), "the others know why")
            assert _members(broker) == ["running"] * places
            done = broker.flux("config", "set", "--type=integer", "note", "1")
            assert done.returncode == 0, done.stderr
            assert all(one.wait_for(2, 60) for one in crowd if one not in out)
            next(one for one in crowd if one.generation).close()
            until(lambda: any(one.generation for one in out), "a place that is free is taken")
        assert broker.process is not None
        assert broker.process.poll() is None
    finally:
        broker.close()


def test_the_limit_is_that_of_the_broker() -> None:
    """Where there are descriptors, all of the same crowd are let in."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 512:
        pytest.skip("there are not enough descriptors here")
    broker = RunningBroker().start()
    try:
        with ExitStack() as stack:
            crowd = _crowd(broker, stack, 40)
            assert all(one.wait_for(1, 60) for one in crowd)
    finally:
        broker.close()
