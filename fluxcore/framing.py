# SPDX-License-Identifier: LGPL-3.0-or-later
"""How frames travel between agents: the payload of a raw request, with who is meant in front.

Down goes one frame for many: who is meant, and the frame.  Up go the frames of many, each with who
says it; or that something did not get through to somebody.  An agent's life has a random name.  It
goes with everything that the agent says and that is said to it, so that nothing meant for an agent
that has died reaches the one that took its place.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

UP = "accord.up"
"""Topic of what ranks say to the coordinator, on its way from agent to agent."""
DOWN = "accord.down"
"""Topic of what the coordinator says to ranks, on its way from agent to agent."""
HELLO = "accord.hello"
"""Topic by which a new coordinator asks ranks to join it."""
AGAIN = "accord.again"
"""Topic by which a coordinator begins anew with a rank that it has lost sight of."""
CHANGE = "accord.change"
"""Topic by which a rank passes on what was asked of its `config` service."""
LINE = "accord.line"
"""Topic by which a rank passes on what a client has asked at its door."""
HANG_UP = "accord.hang-up"
"""Topic by which it tells that this client is gone."""
PING = "accord.ping"
"""Topic by which an agent is asked whether it is there."""
SERVICE = "accord"
GROUP = "accord"
"""The broker group (flux-core's `groups`) of ranks that have an agent."""

LIFE_BYTES = 16


class Peer(NamedTuple):
    """One life of one rank's agent."""

    rank: int
    life: bytes

    @property
    def name(self) -> bytes:
        """As a connection's name."""
        return _PEER.pack(*self)

    @classmethod
    def named(cls, name: bytes) -> "Peer":
        """The one whose name it is."""
        return cls(*_PEER.unpack(name))


_PEER = struct.Struct(f">I{LIFE_BYTES}s")
_COUNT = struct.Struct(">I")


def pack_down(peers: Iterable[Peer], frame: bytes) -> bytes:
    """The payload of a request that brings all these the same frame."""
    heads = [_PEER.pack(*peer) for peer in peers]
    return b"".join((_COUNT.pack(len(heads)), *heads, frame))


def unpack_down(payload: bytes) -> tuple[list[Peer], bytes] | None:
    """What `pack_down` was given; None for what it did not make."""
    try:
        (count,) = _COUNT.unpack_from(payload)
        end = _COUNT.size + count * _PEER.size
        if len(payload) < end:
            return None
        heads = _PEER.iter_unpack(payload[_COUNT.size : end])
        return [Peer(*head) for head in heads], payload[end:]
    except struct.error:
        return None


class UpFrame(NamedTuple):
    """What goes up: a frame of this life of a rank; or (`lost`) that it was not reached."""

    rank: int
    life: bytes
    frame: bytes
    lost: bool = False


_ENTRY = struct.Struct(f">I{LIFE_BYTES}s?I")


def pack_up(entries: Iterable[UpFrame]) -> bytes:
    """The payload of a request that brings all these."""
    parts: list[bytes] = []
    for rank, life, frame, lost in entries:
        parts += (_ENTRY.pack(rank, life, lost, len(frame)), frame)
    return b"".join(parts)


def unpack_up(payload: bytes) -> list[UpFrame] | None:
    """What `pack_up` was given; None for what it did not make."""
    found, at = [], 0
    try:
        while at < len(payload):
            rank, life, lost, size = _ENTRY.unpack_from(payload, at)
            at += _ENTRY.size
            if len(payload) < at + size:
                return None
            found.append(UpFrame(rank, life, payload[at : at + size], lost))
            at += size
    except struct.error:
        return None
    return found


def name_of(rank: int) -> str:
    """The name under which a rank is a member."""
    return f"rank {rank}"


def rank_of(name: str) -> int:
    """The rank of that member."""
    return int(name.removeprefix("rank "))
