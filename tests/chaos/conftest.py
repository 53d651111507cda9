# SPDX-License-Identifier: LGPL-3.0-or-later
"""Houses for the chaos tests, and a judgement over each when its test is over."""

from collections.abc import Iterator

import pytest

from tests.chaos.attached_participant import AttachedParticipant
from tests.chaos.house import House


@pytest.fixture
def house() -> Iterator[House]:
    """A house of the test's own, with no broker in it yet; judged at the end."""
    house = House()
    try:
        yield house
        assert house.judge() == []
    finally:
        house.close()


@pytest.fixture
def den() -> Iterator[House]:
    """A house that is not judged at the end, because wrong or wild things happen in it."""
    house = House()
    try:
        yield house
    finally:
        house.close()


@pytest.fixture(scope="module")
def four() -> Iterator[House]:
    """A broker with the modules a, b, c and d, which the tests of one file share."""
    house = House()
    try:
        house.start(modules=("a", "b", "c", "d"))
        yield house
        assert house.judge() == []
    finally:
        house.close()


@pytest.fixture(scope="module")
def two() -> Iterator[House]:
    """A broker with a module m and a guest y."""
    house = House()
    try:
        house.start(modules=("m",))
        with house.attached("y", make=lambda name: AttachedParticipant(name, house.diary)):
            yield house
            assert house.judge() == []
    finally:
        house.close()
