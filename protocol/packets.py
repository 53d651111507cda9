# SPDX-License-Identifier: LGPL-3.0-or-later
"""How frames travel over a socket pair, which keeps the bounds of what is sent (SOCK_SEQPACKET).

A frame that fits into one packet is one, as it is.  A longer one goes in pieces, or, from the
coordinator, in memory that both can read: then the packet says how many bytes that has, and carries
its descriptor (memfd_create(2); unix(7), SCM_RIGHTS).  Such packets begin with a byte that no frame
begins with, because MessagePack never uses it (https://github.com/msgpack/msgpack/blob/master/spec.md).
"""

from collections.abc import Iterator
from typing import NamedTuple

PACKET_BYTES = 64 * 1024
"""The longest packet; far below what a socket holds by default (socket(7), wmem_default)."""

_MARK = 0xC1
_PIECE, _LAST, _SHARED = bytes([_MARK, 1]), bytes([_MARK, 2]), bytes([_MARK, 3])
_SIZE_BYTES = 8


class NotAPacket(ValueError):
    """What came is nothing that may come here; the connection is of no use any more."""


class SharedFrame(NamedTuple):
    """The frame is in the memory whose descriptor came with the packet."""

    size: int
    """Bytes."""


def is_short(frame: bytes) -> bool:
    """Whether the frame is a packet as it is."""
    return len(frame) <= PACKET_BYTES


def pieces(frame: bytes) -> Iterator[bytes]:
    """The packets of a frame."""
    if is_short(frame):
        yield frame
        return
    step = PACKET_BYTES - len(_PIECE)
    for at in range(0, len(frame), step):
        mark = _PIECE if at + step < len(frame) else _LAST
        yield mark + frame[at : at + step]


def shared(size: int) -> bytes:
    """The packet that goes with the descriptor of a frame of `size` bytes."""
    return _SHARED + size.to_bytes(_SIZE_BYTES, "big")


class PacketReader:
    """Makes frames of the packets of one connection."""

    def __init__(self, most: int) -> None:
        """`most`: the bytes that one frame may have."""
        self._most = most
        self._gathered = bytearray()

    def feed(self, packet: bytes) -> bytes | SharedFrame | None:
        """The frame that is complete with this packet; None where more is to come.

        Raises NotAPacket.
        """
        if packet[0] != _MARK:
            if self._gathered:
                raise NotAPacket("a frame begins before the one before it has ended")
            return packet
        mark, rest = packet[:2], packet[2:]
        if mark == _SHARED and len(rest) == _SIZE_BYTES and not self._gathered:
            return SharedFrame(self._bounded(int.from_bytes(rest, "big")))
        if mark not in (_PIECE, _LAST):
            raise NotAPacket("a packet of no known kind")
        self._bounded(len(self._gathered) + len(rest))
        self._gathered += rest
        if mark == _PIECE:
            return None
        frame, self._gathered = bytes(self._gathered), bytearray()
        return frame

    def _bounded(self, size: int) -> int:
        if size > self._most:
            raise NotAPacket(
                f"a frame of {size} bytes is too long; at most {self._most} are allowed"
            )
        return size
