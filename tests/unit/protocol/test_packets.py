# SPDX-License-Identifier: LGPL-3.0-or-later
"""Frames to packets and back, and what may not come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import messages
from protocol.codec import encode
from protocol.packets import (
    PACKET_BYTES,
    NotAPacket,
    PacketReader,
    SharedFrame,
    is_short,
    pieces,
    shared,
)

MOST = 4 * PACKET_BYTES


@given(st.lists(st.integers(1, MOST), min_size=1, max_size=5))
def test_frames_come_out_as_they_went_in(sizes: list[int]) -> None:
    frames = [b"\x90" + bytes(size - 1) for size in sizes]
    packets = [packet for frame in frames for packet in pieces(frame)]
    assert all(is_short(packet) for packet in packets)
    reader = PacketReader(MOST)
    got = [frame for packet in packets if (frame := reader.feed(packet)) is not None]
    assert got == frames


def test_a_short_frame_is_its_packet() -> None:
    frame = encode(messages.Leave(1, "i", "m"))
    assert list(pieces(frame)) == [frame]


def test_shared_memory_is_announced() -> None:
    assert PacketReader(MOST).feed(shared(MOST)) == SharedFrame(MOST)


@pytest.mark.parametrize(
    "packets",
    [
        [b"\xc1"],
        [b"\xc1\x04"],
        [b"\xc1\x01abc", b"\x90"],
        [b"\xc1\x01abc", shared(1)],
        [shared(MOST + 1)],
        [shared(1) + b"\0"],
        [b"\xc1\x01" + bytes(PACKET_BYTES - 2)] * 5,
    ],
    ids=["a mark alone", "an unknown kind", "a frame in a frame", "shared in a frame",
         "shared and too long", "more than a size", "too many pieces"],
)  # fmt: skip
def test_what_may_not_come(packets: list[bytes]) -> None:
    reader = PacketReader(MOST)
    *before, last = packets
    for packet in before:
        assert reader.feed(packet) is None
    with pytest.raises(NotAPacket):
        reader.feed(last)


@pytest.mark.parametrize(
    "message",
    [
        messages.Leave(1, "i", "m"),
        messages.Refuse("l" * 32, 1, "no"),
        messages.Shutdown("", 0, "s", ""),
    ],
)
def test_no_frame_begins_with_the_mark(message: messages.Message) -> None:
    assert encode(message)[0] != 0xC1


@pytest.mark.parametrize("kind", [0, 4, 255])
def test_a_kind_that_nobody_knows_is_no_packet_whatever_its_length(kind: int) -> None:
    packet = shared(100)[:1] + bytes([kind]) + shared(100)[2:]
    with pytest.raises(NotAPacket):
        PacketReader(MOST).feed(packet)
