# SPDX-License-Identifier: LGPL-3.0-or-later
"""Brokers for the chaos tests, each judged when its test is over."""

from collections.abc import Iterator

import pytest

from tests.chaos.broker import ChaosBroker


@pytest.fixture
def broker() -> Iterator[ChaosBroker]:
    """A broker of the test's own, not started yet; judged at the end."""
    broker = ChaosBroker()
    try:
        yield broker
        assert broker.judge() == []
    finally:
        broker.close()


@pytest.fixture
def unjudged_broker() -> Iterator[ChaosBroker]:
    """One that is not judged at the end, because wrong or wild things happen in it."""
    broker = ChaosBroker()
    try:
        yield broker
    finally:
        broker.close()


@pytest.fixture(scope="module")
def broker_of_four() -> Iterator[ChaosBroker]:
    """A broker with the modules a, b, c and d, which the tests of one file share."""
    broker = ChaosBroker()
    try:
        broker.start(modules=("a", "b", "c", "d"))
        yield broker
        assert broker.judge() == []
    finally:
        broker.close()


@pytest.fixture(scope="module")
def broker_of_two() -> Iterator[ChaosBroker]:
    """A broker with a module m and an attached participant y."""
    broker = ChaosBroker()
    try:
        broker.start(modules=("m",))
        with broker.attached("y"):
            yield broker
            assert broker.judge() == []
    finally:
        broker.close()
