# SPDX-License-Identifier: LGPL-3.0-or-later
"""Lets a story drive the participant's machine, and writes its effects as a story's answer."""

from participant.core.effects import Apply, Cancel, Effect, Quit, Release, Show, Tell, Validate
from participant.core.events import Connected, Cut, Event, Finished, Heard, Judged, Shown
from participant.core.machine import Participant
from protocol.messages import (
    Abort,
    Admit,
    Applied,
    Argument,
    Commit,
    FromCoordinator,
    Inquire,
    Join,
    Leave,
    Prepare,
    Refuse,
    Report,
    Shutdown,
    Vote,
)
from protocol.reasons import Reason
from tests.stories.coordinator_driver import LEDGER, configuration, options


class ParticipantDriver:
    """One participant called `a`."""

    def __init__(self) -> None:
        self.machine = Participant("a", "a-1", 100)

    def __call__(self, words: list[str]) -> str:
        """The answer to one command."""
        lines = [_line(effect) for effect in self.machine.step(self.event(words))]
        machine = self.machine
        lines.append(f"({machine.state}, generation {machine.generation}, epoch {machine.epoch})")
        return "\n".join(lines)

    def event(self, words: list[str]) -> Event:
        """What a command tells the machine."""
        return _event(*options(words), self.machine.session)


def _event(words: list[str], named: dict[str, str], session: str) -> Event:
    match words:
        case ["connected"]:
            return Connected()
        case ["cut"]:
            return Cut()
        case ["judged", "warning", *messages]:
            return Judged(warnings=tuple(Reason("a", text) for text in messages))
        case ["judged", *messages]:
            return Judged(tuple(Reason("a", text) for text in messages))
        case ["finished", *messages]:
            return Finished(tuple(Reason("a", text) for text in messages))
        case ["shown", ticket, text]:
            return Shown(int(ticket), text)
    return Heard(_message(words, int(named.get("epoch", 1)), session, named))


def _message(words: list[str], epoch: int, session: str, named: dict[str, str]) -> FromCoordinator:
    ledger = named.get("ledger", LEDGER)
    match words:
        case ["prepare", txid, text, *rest]:
            candidate = configuration(text)
            base = int(named.get("base", 0))
            return Prepare(ledger, epoch, txid, base, candidate.digest, candidate.encoded,
                           10.0, bool(rest), _arguments(named) or None)  # fmt: skip
        case ["admit", generation, text]:
            runs = configuration(text)
            session = named.get("session", session)
            return Admit(
                ledger,
                epoch,
                session,
                int(generation),
                runs.digest,
                runs.encoded,
                _arguments(named),
            )
        case ["inquire", ticket]:
            return Inquire(ledger, epoch, int(ticket))
        case ["commit", txid, generation]:
            return Commit(ledger, epoch, txid, int(generation))
        case ["abort", txid]:
            return Abort(ledger, epoch, txid)
        case ["refuse", why]:
            return Refuse(ledger, epoch, why)
        case ["shutdown"]:
            return Shutdown(ledger, epoch, named.get("session", session), "removed")
    raise ValueError(f"no such command: {words}")


def _arguments(named: dict[str, str]) -> tuple[Argument, ...]:
    return tuple(Argument("load argument", key[1:], named[key]) for key in named if key[0] == "+")


def _warned(message: Vote | Applied) -> str:
    return "".join(f", warning: {warning.message}" for warning in message.warnings)


def _line(effect: Effect) -> str:
    match effect:
        case Tell(Join() as join):
            doubt = f", in doubt about {join.in_doubt}" if join.in_doubt else ""
            return f"tell Join: runs generation {join.generation}{doubt}"
        case Tell(Vote() as vote):
            said = "yes" if vote.yes else f"no: {vote.reasons[0].message}"
            return f"tell Vote {vote.txid} {said}{_warned(vote)}"
        case Tell(Applied() as applied):
            said = "ok" if applied.ok else f"not: {applied.reasons[0].message}"
            return f"tell Applied generation {applied.generation} {said}{_warned(applied)}"
        case Tell(Leave()):
            return "tell Leave"
        case Tell(Report() as report):
            return f"tell Report {report.ticket}: {report.text}"
        case Validate(candidate, arguments):
            given = "".join(f" {argument.key}={argument.value}" for argument in arguments)
            return f"validate {candidate.plain()}{given}"
        case Cancel():
            return "cancel"
        case Show(ticket):
            return f"show {ticket}"
        case Apply(authority):
            return f"apply, by authority of {type(authority).__name__} {authority.generation}"
        case Release():
            return "release"
        case Quit(why, wanted):
            return f"quit ({'wanted' if wanted else 'not admitted'}): {why}"
    raise ValueError(f"no such effect: {effect}")
