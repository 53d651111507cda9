# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a change costs a module that it does not concern.

A module's process finds nothing in the processor's caches when it is asked: the other modules have
run meanwhile.  So what counts is how many functions it enters, and those can be counted on any
machine, however busy.
"""

import socket
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType

import pytest

from participant import Field, Module
from participant.runtime.serve import Serving
from participant.transport.socket_pair import SocketPair
from protocol.codec import decode_from_participant, encode
from protocol.configuration import Configuration
from protocol.messages import (
    LOAD_ARGUMENT,
    Admit,
    Applied,
    Argument,
    Commit,
    FromCoordinator,
    Join,
    Message,
    Prepare,
    Vote,
)

LEDGER = "1" * 32
MOST = 80
"""Functions in Python that may be entered from the frame of Prepare to that of Applied."""


class Pump(Module):
    """Looks at a table that is not its own."""

    table = "pump"

    class Config(Module.Config):
        pace: int = Field(3)

    def prepare(self, new: object, config: object) -> None: ...


class Entered:
    """The functions that are entered while it is given a call to make."""

    def __init__(self) -> None:
        self.codes: list[CodeType] = []

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            self.codes.append(frame.f_code)

    def during(self, call: Callable[[], object]) -> None:
        """Make the call."""
        sys.setprofile(self._note)
        try:
            call()
        finally:
            sys.setprofile(None)


@pytest.fixture
def broker() -> Iterator[tuple[socket.socket, Serving]]:
    """The other end of a module that has been admitted with a load argument."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        serving = Serving(SocketPair(its.detach()), Pump(), "pump")
        serving.turn()
        join = heard(ours)
        assert isinstance(join, Join)
        first = tree(0)
        argument = Argument(LOAD_ARGUMENT, "pace", "7")
        ours.send(
            encode(Admit(LEDGER, 1, join.session, 1, first.digest, first.encoded, (argument,)))
        )
        serving.turn()
        applied = heard(ours)
        assert isinstance(applied, Applied)
        assert applied.ok
        yield ours, serving
        serving.close()


def tree(turn: int) -> Configuration:
    """What the module looks at stays as it is."""
    return Configuration.of({"pump": {"pace": 3}, "other": {"turn": turn}, "z": list(range(50))})


def heard(ours: socket.socket) -> object:
    """What the module has sent."""
    return decode_from_participant(ours.recv(1 << 17))


def test_a_change_enters_few_functions(broker: tuple[socket.socket, Serving]) -> None:
    ours, serving = broker
    for number in (1, 2, 3):
        entered, candidate, txid = Entered(), tree(number), f"1.{number}.x"
        steps: tuple[tuple[FromCoordinator, type[Message]], ...] = (
            (
                Prepare(LEDGER, 1, txid, number, candidate.digest, candidate.encoded, 10.0, False),
                Vote,
            ),
            (Commit(LEDGER, 1, txid, number + 1), Applied),
        )
        for said, answer in steps:
            ours.send(encode(said))
            entered.during(serving.turn)
            assert isinstance(heard(ours), answer)
    assert serving.module.config.pace == 7
    assert serving.module.whole["other"] == {"turn": 3}
    assert len(entered.codes) <= MOST, sorted(code.co_qualname for code in entered.codes)
