# SPDX-License-Identifier: LGPL-3.0-or-later
"""The participant's half of the agreement, pure: an event in, effects out, nothing else touched.

It decides nothing by itself.  Once it has voted yes it is in doubt: it keeps what it runs, answers
for it over any number of reconnections, and moves only when a coordinator that is not older than
the last one it obeyed tells it the decision.  `Apply` carries the message that permits it, so a
configuration cannot be taken into use for any other reason than a Commit or an Admit.
"""

from typing import NamedTuple

from participant.core.effects import Apply, Cancel, Effect, Quit, Release, Show, Tell, Validate
from participant.core.events import Connected, Cut, Event, Finished, Heard, Judged, Shown
from protocol import limits
from protocol.configuration import Configuration
from protocol.messages import (
    NOTHING,
    Abort,
    Admit,
    Applied,
    Arguments,
    Commit,
    Digest,
    FromCoordinator,
    Inquire,
    Join,
    Leave,
    LedgerId,
    Prepare,
    Refuse,
    Report,
    Shutdown,
    Vote,
)
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason, bounded
from protocol.transitions import PARTICIPANT, ParticipantInput, ParticipantState

_BUSY = frozenset(
    {
        ParticipantState.VALIDATING,
        ParticipantState.DOOMED,
        ParticipantState.ADMITTING,
        ParticipantState.APPLYING,
    }
)


class StagedRequest(NamedTuple):
    """What the module is looking at or has accepted, and who asked."""

    request: Prepare | Admit
    arguments: Arguments
    generation: int | None
    """The generation it will be, once that is decided."""
    warnings: tuple[Reason, ...] = ()
    """Of an admission, to be told when it is applied."""


class Participant:
    """One participant.  `step` is the only way in; attributes are for reading."""

    def __init__(self, name: str, incarnation: str, pid: int, description: str = "{}") -> None:
        self.name = name
        self.incarnation = incarnation
        self.pid = pid
        self.description = description
        self.state = ParticipantState.IDLE
        self.ledger: LedgerId = ""
        self.epoch = 0
        self.generation = 0
        self.digest: Digest = NOTHING
        self.arguments: Arguments = ()
        self.report = "{}"
        self.staged: StagedRequest | None = None
        self.later: Admit | None = None
        """An admission that came while the module was busy with something that must end first."""
        self.linked = False
        self.joined = False
        self._joins = 0

    def step(self, event: Event) -> tuple[Effect, ...]:
        """What to do about `event`, in this order.  Raises Forbidden only for our own mistakes."""
        effects: tuple[Effect, ...] = ()
        match event:
            case Heard():
                effects = self._heard(event.message)
            case Judged():
                reasons, warnings = event
                effects = self._judged(
                    bounded(reasons) if reasons else (), bounded(warnings) if warnings else ()
                )
            case Finished():
                reasons, report = event
                effects = self._finished(bounded(reasons) if reasons else (), report)
            case Shown(ticket, text):
                effects = (Tell(Report(self.epoch, self.incarnation, ticket, text)),)
            case Connected():
                if self.linked:  # a link that is made anew was cut, though nobody said so
                    effects = self._cut()
                self.linked = True
            case Cut():
                effects = self._cut()
        if self.later is not None and self.state not in _BUSY:
            effects = (*effects, *self._catch_up(self.later))
        if self.joined:
            return effects
        # Nobody to tell, yet; Join will say it all when there is.
        return (*(effect for effect in effects if not isinstance(effect, Tell)), *self._introduce())

    @property
    def in_doubt(self) -> str | None:
        """The txid whose decision is awaited, if any."""
        if self.state is not ParticipantState.PREPARED:
            return None
        assert self.staged is not None
        assert isinstance(self.staged.request, Prepare)
        return self.staged.request.txid

    @property
    def session(self) -> str:
        """The name of the last Join; its incarnation is random, and so no two are alike."""
        return f"{self.incarnation}.{self._joins}"

    # Connection

    def _introduce(self) -> tuple[Effect, ...]:
        """Join as soon as there is a link and nothing under way that the answer would disturb."""
        settled = (ParticipantState.IDLE, ParticipantState.PREPARED, ParticipantState.BROKEN)
        if not self.linked or self.state not in settled:
            return ()
        self.joined = True
        self._joins += 1
        join = Join(
            self.ledger,
            self.epoch,
            self.incarnation,
            self.name,
            limits.PROTOCOL_VERSION,
            self.generation,
            self.digest,
            self.in_doubt,
            self.pid,
            self.session,
            self.description,
        )
        return (Tell(join),)

    def _cut(self) -> tuple[Effect, ...]:
        self.linked = self.joined = False
        self.later = None
        before = self.state
        if (self.state, ParticipantInput.CUT) in PARTICIPANT:
            self.state = PARTICIPANT[self.state, ParticipantInput.CUT]
        return (Cancel(),) if before is ParticipantState.VALIDATING else ()

    # What the coordinator says

    def _heard(self, message: FromCoordinator) -> tuple[Effect, ...]:
        if self.state is ParticipantState.GONE or not self.joined:
            return ()
        if isinstance(message, Refuse):  # no command: one of the past may say so, too, and does
            return (Quit(message.why, wanted=False),)
        if not self._obeys(message):
            return ()
        self.epoch = message.epoch
        match message:
            case Prepare():
                return self._prepare(message)
            case Commit():
                return self._commit(message)
            case Abort():
                return self._abort(message)
            case Admit():
                return self._admit(message)
            case Shutdown(why=why):
                return self._shutdown(why)
            case Inquire(ticket=ticket, question=question):
                return (Show(ticket, question),)

    def _obeys(self, message: FromCoordinator) -> bool:
        """Returns True if its sender may command here (fencing).

        The coordinator of another ledger may take over by an Admit that answers the Join on this
        very connection, and may send away by a Shutdown that does: whoever serves the socket that
        we were told to join has the authority of the socket's owner, and that Join has told it what
        we run and whose decision we wait for.
        """
        if isinstance(message, Admit) and message.session != self.session:
            return False
        if message.ledger == self.ledger:
            return message.epoch >= self.epoch
        answers = isinstance(message, Admit | Shutdown) and message.session == self.session
        if self.ledger and not answers:
            return False
        self.ledger = message.ledger
        self.generation = 0  # what we run has a number in the other ledger only
        return True

    def _prepare(self, message: Prepare) -> tuple[Effect, ...]:
        if self.state is not ParticipantState.IDLE:
            return (self._no(message.txid, f"it is {self.state} and cannot be asked"),)
        if self.generation and self.generation != message.base:
            why = f"it runs generation {self.generation}, not {message.base}"
            return (self._no(message.txid, why),)
        self.state = PARTICIPANT[self.state, ParticipantInput.PREPARE]
        arguments = self.arguments if message.arguments is None else message.arguments
        self.staged = StagedRequest(message, arguments, None)
        candidate = Configuration(message.candidate, message.digest)
        return (Validate(candidate, arguments, message.allowed),)

    def _commit(self, message: Commit) -> tuple[Effect, ...]:
        staged = self.staged
        if staged is None or self.state is not ParticipantState.PREPARED:
            return ()
        assert isinstance(staged.request, Prepare), "only that leads to PREPARED"
        if message.txid != staged.request.txid or message.generation <= self.generation:
            return ()
        self.state = PARTICIPANT[self.state, ParticipantInput.COMMIT]
        self.staged = StagedRequest(staged.request, staged.arguments, message.generation)
        return (Apply(message),)

    def _abort(self, message: Abort) -> tuple[Effect, ...]:
        request = self.staged.request if self.staged else None
        if not isinstance(request, Prepare) or request.txid != message.txid:
            return ()
        if self.state is ParticipantState.VALIDATING:
            self.state = PARTICIPANT[self.state, ParticipantInput.ABORT]
            return (Cancel(),)
        if self.state is ParticipantState.PREPARED:
            self.state = PARTICIPANT[self.state, ParticipantInput.ABORT]
            return self._release()
        return ()

    def _catch_up(self, message: Admit) -> tuple[Effect, ...]:
        self.later = None
        return self._admit(message)

    def _admit(self, message: Admit) -> tuple[Effect, ...]:
        if self.state in _BUSY:
            self.later = message
            return ()
        if message.generation < self.generation:
            why = f"it has run generation {self.generation}; {message.generation} is older"
            older = Reason(self.name, why, code=ReasonCode.STALE_GENERATION)
            return (self._applied(message.generation, (older,)),)
        same = message.digest == self.digest and message.arguments == self.arguments
        if self.state is ParticipantState.IDLE and same:
            self.state = PARTICIPANT[self.state, ParticipantInput.ADMIT_SAME]
            self.generation = message.generation
            return (self._applied(message.generation),)
        if (self.state, ParticipantInput.ADMIT) not in PARTICIPANT:
            return ()
        # In doubt and admitted: the decision was lost on the way, and the ledger's truth follows.
        effects = self._release() if self.state is ParticipantState.PREPARED else ()
        self.state = PARTICIPANT[self.state, ParticipantInput.ADMIT]
        self.staged = StagedRequest(message, message.arguments, message.generation)
        candidate = Configuration(message.configuration, message.digest)
        return (*effects, Validate(candidate, message.arguments, limits.PREPARE_SECONDS))

    def _shutdown(self, why: str) -> tuple[Effect, ...]:
        effects: tuple[Effect, ...] = ()
        if self.state is ParticipantState.PREPARED:
            effects = self._release()
        elif self.state in (ParticipantState.VALIDATING, ParticipantState.ADMITTING):
            effects = (Cancel(),)
        self.state = PARTICIPANT[self.state, ParticipantInput.SHUTDOWN]
        farewell = Leave(self.epoch, self.incarnation, self.name)
        return (*effects, Tell(farewell), Quit(why, wanted=True))

    # What the module says

    def _judged(
        self, reasons: tuple[Reason, ...], warnings: tuple[Reason, ...]
    ) -> tuple[Effect, ...]:
        if self.state is ParticipantState.GONE:  # told to go while the module was still looking
            return () if reasons else self._release()
        assert self.staged is not None
        request, before = self.staged.request, self.state
        dry_run = isinstance(request, Prepare) and request.dry_run
        if reasons:
            self.state = PARTICIPANT[self.state, ParticipantInput.REJECTED]
        elif dry_run:
            self.state = PARTICIPANT[self.state, ParticipantInput.ACCEPTED_DRY]
        else:
            self.state = PARTICIPANT[self.state, ParticipantInput.ACCEPTED]
        if isinstance(request, Admit):
            return self._admission_judged(request, reasons, warnings)
        kept = self.state is ParticipantState.PREPARED
        effects: tuple[Effect, ...] = ()
        if not kept:
            effects = self._release() if not reasons else self._forget()
        if before is ParticipantState.DOOMED:
            # Too late to matter, but the coordinator asks nobody anew who still owes an answer.
            overdue = self._no(request.txid, "it answered after the decision")
            return (*effects, overdue) if self.joined else effects
        vote = Vote(self.epoch, self.incarnation, request.txid, not reasons, reasons, warnings)
        return (*effects, Tell(vote))

    def _admission_judged(
        self, request: Admit, reasons: tuple[Reason, ...], warnings: tuple[Reason, ...]
    ) -> tuple[Effect, ...]:
        if not reasons:
            assert self.staged is not None
            self.staged = self.staged._replace(warnings=warnings)
            return (Apply(request),)
        return (*self._forget(), self._applied(request.generation, reasons))

    def _finished(self, reasons: tuple[Reason, ...], report: str) -> tuple[Effect, ...]:
        if self.state is ParticipantState.GONE:
            return ()
        assert self.staged is not None
        generation, digest = self.staged.generation, self.staged.request.digest
        arguments, warnings = self.staged.arguments, self.staged.warnings
        assert generation is not None, "nothing is applied before it is decided"
        self.staged = None
        if reasons:
            self.state = PARTICIPANT[self.state, ParticipantInput.BROKE]
            self.digest = NOTHING  # somewhere between the old and the new
            return (self._applied(generation, reasons),)
        self.state = PARTICIPANT[self.state, ParticipantInput.APPLIED]
        assert generation >= self.generation, "generations only rise"
        self.generation, self.digest = generation, digest
        self.arguments, self.report = arguments, report
        return (self._applied(generation, warnings=warnings),)

    # Small things

    def _release(self) -> tuple[Effect, ...]:
        self.staged = None
        return (Release(),)

    def _forget(self) -> tuple[Effect, ...]:
        self.staged = None
        return ()

    def _no(self, txid: str, why: str) -> Tell:
        reason = Reason(self.name, why, code=ReasonCode.TIMEOUT)
        return Tell(Vote(self.epoch, self.incarnation, txid, False, (reason,)))

    def _applied(
        self,
        generation: int,
        reasons: tuple[Reason, ...] = (),
        warnings: tuple[Reason, ...] = (),
    ) -> Tell:
        return Tell(
            Applied(
                self.epoch,
                self.incarnation,
                generation,
                self.digest,
                not reasons,
                reasons,
                self.report,
                warnings,
            )
        )
