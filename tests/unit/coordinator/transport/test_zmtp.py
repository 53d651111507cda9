# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a ZMTP connection makes of bytes, however they are cut (https://rfc.zeromq.org/spec/37/)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.transport.zmtp import GREETING, READY, NotZmtp, ZmtpReader, header

MOST = 300
MORE, COMMAND = 1, 4


def command(name: bytes, data: bytes) -> bytes:
    """A command frame, with the name before its data."""
    body = bytes([len(name)]) + name + data
    return header(len(body), COMMAND) + body


def greeted() -> ZmtpReader:
    """One whose peer has greeted; its answer has been sent."""
    reader = ZmtpReader(MOST)
    assert list(reader.feed(GREETING)) == []
    reader.replies.clear()
    return reader


def test_a_greeting_is_answered_with_ready() -> None:
    reader = ZmtpReader(MOST)
    assert list(reader.feed(GREETING[:63])) == []
    assert reader.replies == b""
    assert list(reader.feed(GREETING[63:])) == []
    assert reader.replies == READY


@pytest.mark.parametrize(
    ("at", "byte"), [(0, 0xFE), (9, 0), (10, 2), (12, ord("P"))],
    ids=["no signature", "no end of it", "an old version", "another mechanism"],
)  # fmt: skip
def test_what_does_not_greet_so_is_refused(at: int, byte: int) -> None:
    greeting = bytearray(GREETING)
    greeting[at] = byte
    with pytest.raises(NotZmtp):
        list(ZmtpReader(MOST).feed(bytes(greeting)))


@given(st.lists(st.binary(max_size=MOST), max_size=8), st.lists(st.integers(0, 2000), max_size=12))
def test_messages_come_out_however_the_bytes_are_cut(frames: list[bytes], cuts: list[int]) -> None:
    whole = GREETING + b"".join(header(len(frame)) + frame for frame in frames)
    got: list[bytes] = []
    reader, before = ZmtpReader(MOST), 0
    for cut in [*sorted(cut for cut in cuts if cut < len(whole)), len(whole)]:
        got += reader.feed(whole[before:cut])
        before = cut
    assert got == frames


def test_a_message_of_several_frames_comes_empty() -> None:
    """No participant sends one; it is for the codec to refuse it."""
    reader = greeted()
    parts = header(1, MORE) + b"a" + header(1) + b"b" + header(2) + b"ok"
    assert list(reader.feed(parts)) == [b"", b"ok"]


def test_commands_among_messages() -> None:
    reader = greeted()
    ping = command(b"PING", b"\0\x0acontext")
    assert list(reader.feed(ping + header(1) + b"x" + command(b"OTHER", b""))) == [b"x"]
    assert reader.replies == command(b"PONG", b"context")


def test_what_came_before_the_fault_is_not_lost() -> None:
    messages = greeted().feed(header(1) + b"x" + command(b"ERROR", b"\x02no"))
    assert next(messages) == b"x"
    with pytest.raises(NotZmtp, match="gave up"):
        next(messages)


@pytest.mark.parametrize(
    "frame",
    [bytes([8, 0]), header(MOST + 1), header(1 << 62), header(4097, COMMAND)],
    ids=["unknown flag", "one byte too long", "absurdly long", "a long command"],
)
def test_frames_that_may_not_come(frame: bytes) -> None:
    """Told by the header alone: nothing is gathered for them."""
    with pytest.raises(NotZmtp):
        list(greeted().feed(frame))
