# SPDX-License-Identifier: LGPL-3.0-or-later
"""Both ends of a module's socket pair: long frames, slow readers, ends, what is not believed."""

import array
import fcntl
import os
import socket
from collections.abc import Iterator

import pytest

from coordinator.transport.socket_pairs import SocketPairs
from participant.transport.interface import LinkEvent
from participant.transport.socket_pair import Disconnected, SocketPair
from protocol import limits
from protocol.packets import PACKET_BYTES, shared

LONG = b"\x90" + bytes(1_000_000)


@pytest.fixture
def pairs() -> Iterator[SocketPairs]:
    """The broker's side."""
    pairs = SocketPairs()
    yield pairs
    pairs.close()


class Born:
    """A module that has just been born, and its name as a peer."""

    def __init__(self, pairs: SocketPairs, name: str = "m", ticket: int = 1) -> None:
        self.link = SocketPair(pairs.open(name, ticket).detach())
        assert self.link.wait(0) is LinkEvent.UP
        self.link.send(b"\x90")
        ((self.peer, _),) = pairs.receive(10)

    def heard(self) -> bytes:
        """The frame that has come."""
        frame = self.link.wait(10)
        assert isinstance(frame, bytes | memoryview)
        return bytes(frame)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_frames_of_every_length_both_ways(pairs: SocketPairs) -> None:
    one, other = Born(pairs, "one"), Born(pairs, "other")
    before = descriptors()
    for size in (1, PACKET_BYTES, PACKET_BYTES + 1, limits.FRAME_BYTES):
        frame = b"\x90" + bytes(size - 1)
        assert pairs.send([one.peer, other.peer], frame) == []
        assert one.heard() == other.heard() == frame
    assert descriptors() == before
    said = b"\x90" + bytes(150_000)
    one.link.send(said)
    assert [frame for _ in range(5) for frame in pairs.receive(10)] == [(one.peer, said)]


def test_a_long_frame_is_there_once(pairs: SocketPairs) -> None:
    """It is mapped, not copied, and nobody can change it."""
    born = Born(pairs)
    pairs.send([born.peer], LONG)
    frame = born.link.wait(10)
    assert isinstance(frame, memoryview)
    assert frame.readonly


def test_without_memory_to_share_it_goes_in_pieces(
    pairs: SocketPairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object) -> int:
        raise OSError(24, "Too many open files")

    born = Born(pairs)
    monkeypatch.setattr(os, "memfd_create", none_left)
    assert pairs.send([born.peer], LONG) == []
    got = None
    while got is None:  # what the kernel did not take goes when there is room
        got = born.link.wait(0)
        list(pairs.receive(10))
    assert got == LONG


def test_who_reads_nothing_is_given_up_at_a_limit(pairs: SocketPairs) -> None:
    born = Born(pairs)
    frame = b"\x90" + bytes(60_000)
    sent = 0
    while not pairs.send([born.peer], frame):
        sent += 1
        assert sent < 1000
    assert sent >= limits.FRAMES_QUEUED
    for _ in range(sent):
        assert born.heard() == frame
        list(pairs.receive(10))
    assert pairs.send([born.peer], frame) == []


def test_last_words_are_read_though_it_never_listened(pairs: SocketPairs) -> None:
    """Linux tells of the unread (ECONNRESET) before it gives what was said."""
    born = Born(pairs)
    pairs.send([born.peer], b"\x91")
    born.link.send(b"\x92")
    born.link.close()
    assert pairs.send([born.peer], b"\x91") == [born.peer]
    assert [frame for _ in range(3) for frame in pairs.receive(10)] == [(born.peer, b"\x92")]
    assert len(pairs) == 0


def test_a_child_of_a_module_that_is_gone_is_not_heard(pairs: SocketPairs) -> None:
    """It has the descriptor; what the module itself had said comes first."""
    born, other = Born(pairs, ticket=7), Born(pairs, "other", ticket=8)
    born.link.send(b"\x91")
    pairs.process_ended(7, lambda: None)
    born.link.send(b"\x92")  # a child of it
    assert [frame for _ in range(3) for frame in pairs.receive(10)] == [(born.peer, b"\x91")]
    assert pairs.send([born.peer, other.peer], b"\x93") == [born.peer]
    assert len(pairs) == 1
    pairs.process_ended(7, lambda: None)


def test_the_end_of_a_module_is_told_after_its_last_words(pairs: SocketPairs) -> None:
    """They say why it ended; both may have come in the same moment."""
    born, happened = Born(pairs, ticket=7), list[bytes]()
    born.link.send(b"\x91")
    born.link.send(b"\x92")
    pairs.process_ended(7, lambda: happened.append(b"ended"))
    assert happened == []
    for _ in range(3):
        for _, frame in pairs.receive(10):
            happened.append(frame)
    assert happened == [b"\x91", b"\x92", b"ended"]
    pairs.process_ended(7, lambda: happened.append(b"gone before"))
    assert happened[3:] == [b"gone before"]


def test_a_broker_that_ends_is_told_of_no_more_ends() -> None:
    pairs, ended = SocketPairs(), list[int]()
    Born(pairs, ticket=7)
    pairs.process_ended(7, lambda: ended.append(7))
    pairs.close()
    assert ended == []


def test_the_end_of_the_broker_is_seen_once_and_for_all() -> None:
    pairs = SocketPairs()
    born = Born(pairs)
    pairs.send([born.peer], b"\x91")
    pairs.close()
    assert born.heard() == b"\x91"
    assert born.link.wait(None) is LinkEvent.DOWN
    with pytest.raises(Disconnected):
        born.link.wait(None)
    born.link.send(b"\x90")  # nobody hears it, and it is no error


def test_a_connection_is_that_of_one_name(pairs: SocketPairs) -> None:
    born = Born(pairs, "m")
    assert pairs.no_place_for(born.peer, "m") == ""
    assert pairs.no_place_for(born.peer, "x") == "this connection is that of m"


@pytest.mark.parametrize(
    "packet", [b"\xc1\x07", shared(5), b"\x90" + bytes(PACKET_BYTES + 10)],
    ids=["no packet", "shared memory", "too long"],
)  # fmt: skip
def test_who_says_what_no_module_says_is_cut_off(pairs: SocketPairs, packet: bytes) -> None:
    theirs = pairs.open("m", 1)
    theirs.send(packet)
    assert [frame for _, frame in pairs.receive(10)] == [b""]
    assert len(pairs) == 0
    theirs.close()


@pytest.mark.parametrize("sealed", [False, True], ids=["not sealed", "another size"])
def test_memory_that_may_change_is_not_believed(sealed: bool) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    link = SocketPair(theirs.detach())
    link.wait(0)
    memory = os.memfd_create("x", os.MFD_ALLOW_SEALING)
    os.write(memory, b"\x90")
    if sealed:
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [memory]))]
    ours.sendmsg([shared(1 + sealed)], rights)
    assert link.wait(10) is LinkEvent.DOWN
    os.close(memory)
    ours.close()
    link.close()


def test_what_is_watched_besides_wakes_it(pairs: SocketPairs) -> None:
    born = Born(pairs)
    bell = os.eventfd(0)
    born.link.watch(bell)
    assert born.link.wait(0.01) is None
    os.eventfd_write(bell, 1)
    assert born.link.wait(60) is None
    pairs.send([born.peer], b"\x91")
    assert born.heard() == b"\x91"
    born.link.unwatch(bell)
    assert born.link.wait(0) is None
    os.close(bell)
