# SPDX-License-Identifier: LGPL-3.0-or-later
"""Houses for the chaos tests, and a judgement over each when its test is over."""

from collections.abc import Iterator

import pytest

from tests.chaos.broker import ChaosBroker


@pytest.fixture
def house() -> Iterator[ChaosBroker]:
    """A house of the test's own, with no broker in it yet; judged at the end."""
    house = ChaosBroker()
    try:
        yield house
        assert house.judge() == []
    finally:
        house.close()


@pytest.fixture
def den() -> Iterator[ChaosBroker]:
    """A house that is not judged at the end, because wrong or wild things happen in it."""
    house = ChaosBroker()
    try:
        yield house
    finally:
        house.close()


@pytest.fixture(scope="module")
def four() -> Iterator[ChaosBroker]:
    """A broker with the modules a, b, c and d, which the tests of one file share."""
    house = ChaosBroker()
    try:
        house.start(modules=("a", "b", "c", "d"))
        yield house
        assert house.judge() == []
    finally:
        house.close()


@pytest.fixture(scope="module")
def two() -> Iterator[ChaosBroker]:
    """A broker with a module m and a guest y."""
    house = ChaosBroker()
    try:
        house.start(modules=("m",))
        with house.attached("y"):
            yield house
            assert house.judge() == []
    finally:
        house.close()
