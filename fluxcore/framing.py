# SPDX-License-Identifier: LGPL-3.0-or-later
"""How frames travel between agents: the payload of a raw request, with who is meant in front.

An agent's life has a random name.  It goes with everything that the agent says and that is said to
it, so that nothing meant for an agent that has died reaches the one that took its place.
"""

import struct
from typing import NamedTuple

UP = "accord.up"
"""Topic of what a rank says to the coordinator."""
DOWN = "accord.down"
"""Topic of what the coordinator says to a rank."""
HELLO = "accord.hello"
"""Topic by which a new coordinator asks ranks to join it."""
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

_HEADER = struct.Struct(f">I{LIFE_BYTES}s")


class Framed(NamedTuple):
    """A frame with the rank and the life of the agent that it comes from, or is meant for."""

    rank: int
    life: bytes
    frame: bytes


def pack(rank: int, life: bytes, frame: bytes) -> bytes:
    """The payload of a request."""
    assert len(life) == LIFE_BYTES
    return _HEADER.pack(rank, life) + frame


def unpack(payload: bytes) -> Framed | None:
    """What `pack` was given; None for what it did not make."""
    if len(payload) < _HEADER.size:
        return None
    rank, life = _HEADER.unpack_from(payload)
    return Framed(rank, life, payload[_HEADER.size :])


def name_of(rank: int) -> str:
    """The name under which a rank is a member."""
    return f"rank {rank}"


def rank_of(name: str) -> int:
    """The rank of that member."""
    return int(name.removeprefix("rank "))
