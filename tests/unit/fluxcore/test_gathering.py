# SPDX-License-Identifier: LGPL-3.0-or-later
"""What goes up is gathered, in order, and nothing of it is lost."""

from hypothesis import given
from hypothesis import strategies as st

from fluxcore.framing import UpFrame
from fluxcore.gathering import Gathering

LIFE = bytes(16)


def entry(rank: int, size: int = 1) -> UpFrame:
    return UpFrame(rank, LIFE, bytes(size))


def test_the_first_goes_at_once_and_the_others_together() -> None:
    gathering = Gathering(100)
    gathering.put(entry(1))
    number, first = gathering.take()
    gathering.put(entry(2))
    gathering.put(entry(3))
    assert first == [entry(1)]
    assert gathering.take() == (0, [])
    gathering.arrived(number)
    assert gathering.take()[1] == [entry(2), entry(3)]


def test_a_long_one_goes_alone() -> None:
    gathering = Gathering(100)
    for size in (60, 60, 500, 10):
        gathering.put(entry(1, size))
    taken = []
    while True:
        number, entries = gathering.take()
        if not entries:
            break
        taken.append([len(one.frame) for one in entries])
        gathering.arrived(number)
    assert taken == [[60], [60], [500], [10]]


def test_what_was_given_up_is_not_awaited() -> None:
    gathering = Gathering(100)
    gathering.put(entry(1))
    old, _ = gathering.take()
    gathering.clear()
    gathering.put(entry(2))
    new, entries = gathering.take()
    assert entries == [entry(2)]
    gathering.put(entry(3))
    gathering.arrived(old)  # the answer to what was given up
    assert gathering.take() == (0, [])
    gathering.arrived(new)
    assert gathering.take()[1] == [entry(3)]


@given(st.lists(st.one_of(st.none(), st.integers(0, 90)), max_size=60))
def test_all_arrive_in_order(steps: list[int | None]) -> None:
    """A number puts a frame of that size, None is the answer to what is on its way."""
    gathering, put, sent, pending = Gathering(100), [], [], 0
    for count, step in enumerate(steps):
        if step is None:
            gathering.arrived(pending)
        else:
            put.append(entry(count, step))
            gathering.put(put[-1])
        number, entries = gathering.take()
        pending = number or pending
        sent += entries
    for _ in steps:
        gathering.arrived(pending)
        number, entries = gathering.take()
        pending = number or pending
        sent += entries
    assert sent == put
