# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module served over a transport that is no ZeroMQ: two queues, and a coordinator by hand."""

from collections import deque
from typing import Any

from participant import Field, Module
from participant.modules.checks import Checks
from participant.runtime.serve import Serving
from participant.transport.interface import LinkEvent, ParticipantTransport
from protocol.codec import decode_from_participant, encode
from protocol.configuration import Configuration
from protocol.messages import (
    Abort,
    Admit,
    Applied,
    Argument,
    Commit,
    Inquire,
    Join,
    Leave,
    Prepare,
    Report,
    Shutdown,
)
from tests.support.patience import until

LEDGER = "1" * 32


class Queues:
    """What is to happen, and what was sent."""

    def __init__(self) -> None:
        self.coming: deque[LinkEvent | bytes] = deque([LinkEvent.UP])
        self.sent: deque[Any] = deque()
        self.closed = False
        self.watched = -1

    def wait(self, seconds: float | None) -> LinkEvent | bytes | None:
        return self.coming.popleft() if self.coming else None

    def send(self, frame: bytes) -> None:
        self.sent.append(decode_from_participant(frame))

    def watch(self, descriptor: int) -> None:
        self.watched = descriptor

    def unwatch(self, descriptor: int) -> None:
        assert descriptor == self.watched
        self.watched = -1

    def reopen(self) -> None:
        self.coming = deque([LinkEvent.UP])

    def close(self) -> None:
        self.closed = True


class Pump(Module):
    """A module with a secret."""

    table = "pump"

    class Config(Module.Config):
        pace: int = Field(3)
        pin: str = Field("", secret=True)

    def stats(self) -> dict[str, object]:
        return {"pin": self.config.pin}


def joined(queues: Queues) -> tuple[Serving, Join]:
    link: ParticipantTransport = queues
    serving = Serving(link, Pump(), "pump")
    serving.turn()
    join = queues.sent.popleft()
    assert isinstance(join, Join)
    return serving, join


def admission(join: Join, tree: dict[str, Any], *arguments: Argument) -> bytes:
    candidate = Configuration.of(tree)
    return encode(
        Admit(
            ledger=LEDGER,
            epoch=1,
            session=join.session,
            generation=1,
            digest=candidate.digest,
            configuration=candidate.encoded,
            arguments=arguments,
        )
    )


def test_it_is_served_to_its_end() -> None:
    queues = Queues()
    serving, join = joined(queues)
    queues.coming.append(admission(join, {"pump": {"pace": 5, "pin": "1234"}}))
    serving.turn()
    applied = queues.sent.popleft()
    assert isinstance(applied, Applied)
    assert applied.ok
    assert '"pin":{"value":"********"' in applied.report
    queues.coming.append(encode(Inquire(LEDGER, 1, 7)))
    serving.turn()
    shown = queues.sent.popleft()
    assert isinstance(shown, Report)
    assert (shown.ticket, shown.text) == (7, '{"pin": "********"}')
    queues.coming.append(encode(Shutdown(LEDGER, 1, "s", "enough")))
    assert serving.run().wanted
    assert isinstance(queues.sent.popleft(), Leave)
    assert queues.closed


def test_a_refused_admission_leaves_the_load_arguments_alone() -> None:
    queues = Queues()
    serving, join = joined(queues)
    argument = Argument("load argument", "pace", "five")
    queues.coming.append(admission(join, {}, argument))
    serving.turn()
    assert not queues.sent.popleft().ok
    assert serving.module.arguments == {}


def prepare(serving: Serving, txid: str, tree: dict[str, Any]) -> bytes:
    candidate = Configuration.of(tree)
    return encode(Prepare(LEDGER, 1, txid, 1, candidate.digest, candidate.encoded, 300.0, False))


def turn_until(serving: Serving, queues: Queues) -> Any:
    """What it says next."""

    def turned() -> Any:
        serving.turn()
        return queues.sent.popleft() if queues.sent else None

    return until(turned)


def test_while_a_check_runs_its_participant_hears() -> None:
    queues = Queues()
    link: ParticipantTransport = queues
    serving = Serving(link, Checks(), "checks")
    serving.turn()
    queues.coming.append(admission(queues.sent.popleft(), {}))
    assert turn_until(serving, queues).ok
    hang = {"checks": [{"name": "hang", "command": ["sleep", "300"], "timeout": "60s"}]}
    queues.coming.append(prepare(serving, "1.1", hang))
    serving.turn()
    assert queues.watched >= 0, "its verdict comes later"
    queues.coming.append(encode(Inquire(LEDGER, 1, 7)))
    assert isinstance(turn_until(serving, queues), Report)
    queues.coming.append(encode(Abort(LEDGER, 1, "1.1")))
    vote = turn_until(serving, queues)
    assert (vote.txid, vote.yes) == ("1.1", False)
    assert queues.watched == -1
    queues.coming.append(prepare(serving, "1.2", {"checks": [{"name": "yes", "command": "true"}]}))
    vote = turn_until(serving, queues)
    assert (vote.txid, vote.yes) == ("1.2", True)
    queues.coming.append(encode(Commit(LEDGER, 1, "1.2", 2)))
    assert turn_until(serving, queues).ok
    assert serving.module.config.checks[0].name == "yes"
    queues.coming.append(prepare(serving, "1.3", hang))
    serving.turn()
    queues.coming.append(encode(Shutdown(LEDGER, 1, "s", "enough")))
    assert serving.run().wanted
