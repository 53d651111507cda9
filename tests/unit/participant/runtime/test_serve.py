# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module served over a transport that is no ZeroMQ: two queues, and a coordinator by hand."""

from collections import deque
from typing import Any

from participant import Field, Module
from participant.runtime.serve import Serving
from participant.transport.interface import LinkEvent, ParticipantTransport
from protocol.codec import decode_from_participant, encode
from protocol.configuration import Configuration
from protocol.messages import Admit, Applied, Argument, Inquire, Join, Leave, Report, Shutdown

LEDGER = "1" * 32


class Queues:
    """What is to happen, and what was sent."""

    def __init__(self) -> None:
        self.coming: deque[LinkEvent | bytes] = deque([LinkEvent.UP])
        self.sent: deque[Any] = deque()
        self.closed = False

    def wait(self, seconds: float | None) -> LinkEvent | bytes | None:
        return self.coming.popleft() if self.coming else None

    def send(self, frame: bytes) -> None:
        self.sent.append(decode_from_participant(frame))

    def watch(self, descriptor: int) -> None:
        raise NotImplementedError

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
    queues.coming.append(encode(Shutdown(LEDGER, 1, "enough")))
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
