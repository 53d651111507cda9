# SPDX-License-Identifier: LGPL-3.0-or-later
"""Messages between front and agent, over a real socket."""

import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxcore.front.channel import Channel, Gone
from protocol import limits
from tests.support.patience import until


def pair() -> tuple[Channel, Channel]:
    """Two ends."""
    one, other = socket.socketpair()
    return Channel(one), Channel(other)


@given(st.dictionaries(st.text(), st.integers() | st.text()), st.lists(st.text(), max_size=3))
def test_what_is_sent_arrives(fields: dict[str, object], texts: list[str]) -> None:
    fields.pop("sizes", None)
    here, there = pair()
    here.send(fields, *texts)
    assert there.receive() == [(fields, texts)]
    here.close()
    there.close()


def test_what_the_kernel_does_not_take_at_once_is_kept() -> None:
    here, there = pair()
    text = "ä" * 3_000_000
    here.send({"n": 1}, text)
    assert here.wants_to_write
    found = []

    def all_is_there() -> bool:
        here.flush()
        found.extend(there.receive())
        return bool(found)

    until(all_is_there)
    assert found == [({"n": 1}, [text])]
    assert not here.wants_to_write


def test_what_was_said_before_the_end_is_heard() -> None:
    here, there = pair()
    here.send({"n": 1})
    here.send({"n": 2})
    here.close()
    assert [fields["n"] for fields, _ in there.receive()] == [1, 2]
    with pytest.raises(Gone):
        there.receive()
    there.send({"n": 3})  # nobody takes it, and nothing comes of it


def test_half_a_message_at_the_end_is_none() -> None:
    one, other = socket.socketpair()
    one.sendall(b"\0\0\0\x0c{")
    one.close()
    with pytest.raises(Gone):
        Channel(other).receive()


def test_what_no_end_of_ours_sends_is_the_end() -> None:
    one, other = socket.socketpair()
    one.sendall((limits.FRONT_HEAD_BYTES + 1).to_bytes(4, "big"))
    with pytest.raises(Gone):
        Channel(other).receive()


def test_who_takes_nothing_is_waited_for_so_long() -> None:
    here, _there = pair()
    here.send({}, "x" * 5_000_000)
    with pytest.raises(TimeoutError):
        here.flush_now(0.05)


def test_the_kernel_says_who_it_is() -> None:
    here, _there = pair()
    assert here.pid() == os.getpid()
    assert here.uid() == os.geteuid()
