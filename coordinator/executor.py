# SPDX-License-Identifier: LGPL-3.0-or-later
"""The machine driven: events in, effects carried out in their order, the decision last.

Here the machine's wishes meet ledger, transport, processes and files, each behind an interface of
its own.  The broker and the simulation run this same code.
"""

import json
from collections import deque
from collections.abc import Callable
from typing import Any

from coordinator.comparison.unread import unread_in
from coordinator.core.decisions import Attempt, Decision, Durable
from coordinator.core.effects import (
    AnnounceReady,
    Answer,
    AnswerInquiry,
    Effect,
    FindUnread,
    GiveUp,
    Halt,
    Kill,
    ReadFiles,
    ReadGeneration,
    RecordAttached,
    RecordAttempt,
    RecordEdit,
    RecordFilesDigest,
    RecordKept,
    RecordNotApplied,
    RecordVoter,
    RecordWarnings,
    Send,
    StartProcess,
    Step,
    TellAdmit,
    TellCommit,
    Wake,
    Watch,
    WriteConfirmation,
    WriteLog,
)
from coordinator.core.events import (
    CandidateRead,
    ConfirmationWritten,
    Died,
    Event,
    Forced,
    NotForced,
    Received,
    Stop,
    TimePassed,
    Unreachable,
    UnreadFound,
)
from coordinator.core.machine import Coordinator
from coordinator.environment import Environment, Hook, Owner
from coordinator.files.proposal import Proposal
from coordinator.files.provenance import Provenance, located
from coordinator.files.reading import Unreadable
from coordinator.ledger.errors import Fenced, NotKept, NotWritten
from protocol import limits
from protocol.codec import Malformed, decode_from_participant, encode
from protocol.configuration import Configuration
from protocol.messages import Admit, Commit, Join, Refuse
from protocol.reason_code import ReasonCode
from protocol.reasons import Origin, Reason, Refusal

_LOST, _UNTIDY = "history not written", "ledger not tidied; nothing is lost"
_TO_MEMBERS = frozenset({Send, TellCommit, TellAdmit, Wake})
"""What goes before all telling of a decision: somebody waits for it."""

_BATCH = 256  # messages of participants between two looks at everything else


class Executor:
    """Takes the machine through events, and carries out its steps."""

    def __init__(
        self, machine: Coordinator, world: Environment, owner: Owner, hook: Hook | None = None
    ) -> None:
        self._machine = machine
        self._owner = owner
        self._hook = hook
        self._ledger = world.ledger
        self._history = world.history
        self._transport = world.transport
        self._supervisor = world.supervisor
        self._timers = world.timers
        self._workers = world.workers
        self._provenance = world.provenance
        self._files = world.files
        self._observer = self._log = world.observer
        self._identity, self._epoch = world.ledger.identity, world.ledger.epoch
        self._starting_digest = ""
        self._untold: tuple[Durable, float] | None = None
        """A decision on disk that nobody but the members has been told of, and how long it took."""
        self._events: deque[Event] = deque()
        self._draining = False
        self._turned_away = False
        self._over = False
        self._taken: tuple[Reason, ...] = ()
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            Send: self._send,
            TellCommit: self._tell_commit,
            TellAdmit: self._tell_admit,
            ReadFiles: self._read_files,
            FindUnread: self._find_unread,
            ReadGeneration: self._recall,
            RecordEdit: self._edited,
            WriteConfirmation: self._confirm,
            StartProcess: self._start_process,
            Watch: self._watch,
            Kill: lambda effect: self._supervisor.kill(effect.ticket),
            Answer: self._answer,
            AnswerInquiry: self._told,
            RecordAttempt: self._remember,
            RecordWarnings: self._record_warnings,
            RecordNotApplied: self._record_not_applied,
            RecordKept: self._know_kept,
            RecordFilesDigest: self._know_files,
            RecordAttached: self._know_member,
            RecordVoter: self._know_voter,
            Wake: lambda effect: self._timers.call_at(effect.at_monotonic, self._time_passed),
            WriteLog: lambda effect: self._log.line(effect.event, dict(effect.fields)),
            AnnounceReady: self._ready,
            GiveUp: self._give_up,
            Halt: lambda _: self._end(1 if self._taken else 0, self._taken),
        }
        world.supervisor.attach(self.feed)

    # Events

    def feed(self, event: Event) -> None:
        """Take the machine through this event, and through those that come of it."""
        self._events.append(event)
        if self._draining:
            return
        self._draining = True
        try:
            while self._events and not self._over:
                event = self._events.popleft()
                self.carry_out(self._machine.step(self._timers.now(), event))
                if isinstance(event, Forced):
                    self._tell_forced()
                self._owner.stepped()
        finally:
            self._draining = False

    def hear(self) -> bool:
        """Take what has come from processes and participants; True where there is more."""
        self._supervisor.collect()
        for peer, frame in self._transport.receive(_BATCH):
            message = decode_from_participant(frame)
            if isinstance(message, Malformed):
                member = self._machine.members.at(peer)
                self._log.warn("malformed", module=member.name if member else "?", why=message.why)
            elif isinstance(message, Join) and (
                why := self._transport.no_place_for(peer, message.name)
            ):
                self._turn_away(peer, message, why)
            else:
                self._observer.heard(self._machine, peer, message, self._timers.now())
                self.feed(Received(peer, message))
        return self._transport.ready

    def _turn_away(self, peer: bytes, message: Join, why: str) -> None:
        """It never gets as far as the machine: nobody could watch its process, either."""
        if not self._turned_away:  # the next ones come again and again
            self._log.warn("no place for participants", module=message.name, why=why)
        self._turned_away = True
        self._log.line("refuse", {"module": message.name, "why": why})
        self._transport.send((peer,), encode(Refuse(self._identity, self._epoch, why)))

    def _time_passed(self) -> None:
        self.feed(TimePassed())

    # Effects

    def carry_out(self, step: Step) -> None:
        """Do all of it; the decision, if there is one, last."""
        for effect in step.effects:
            if self._untold is not None and type(effect) not in _TO_MEMBERS:
                self._tell_forced()
            self._do(effect, self._handlers[type(effect)])
        if step.force is not None:
            self._do(step.force, self._force)

    def _do(self, effect: Effect | Decision, handler: Callable[[Any], None]) -> None:
        if self._hook is None:
            handler(effect)
            return
        self._hook("before", effect)
        handler(effect)
        if not isinstance(effect, Decision):  # that one is over when the disk has answered
            self._hook("after", effect)

    # The ledger

    def _force(self, decision: Decision) -> None:
        began = self._timers.now()

        def then(result: object) -> None:
            elapsed = self._timers.now() - began
            self._forced(decision, result, elapsed)

        self._workers.ledger.submit(lambda: self._ledger.force(decision), then)

    def _forced(self, decision: Decision, result: object, elapsed: float) -> None:
        if self._hook is not None:
            self._hook("after", decision)
        if isinstance(result, Durable):
            self._observer.forced(decision.txid, decision.generation)
            self._untold = result, elapsed
            self.feed(Forced(result))
            if self._ledger.wants_maintenance:  # now that nobody waits for it
                self._workers.ledger.submit(self._ledger.maintain, self._or_warn(_UNTIDY))
        elif isinstance(result, NotWritten):
            self.feed(NotForced(decision.txid, str(result)))
            self._end_if_fenced(result)
        else:
            lost = f"the disk failed in mid-decision: {result}; restart the broker"
            why = Reason("ledger", lost, code=ReasonCode.DISK)
            self._end(1, (why,))

    def _tell_forced(self) -> None:
        """Into log, events and numbers: after the members have been told, before any client is."""
        if self._untold is None:
            return
        (durable, elapsed), self._untold = self._untold, None
        fields = {"txid": durable.decision.txid, "generation": durable.generation}
        self._log.line("forced", {**fields, "elapsed": round(elapsed, 6)})
        self._observer.committed(durable)

    def _end_if_fenced(self, result: object) -> None:
        """Nothing will be written by this broker any more: to serve on would show what was."""
        if isinstance(result, Fenced) and not self._taken:
            taken = f"another broker has taken the state directory over: {result}"
            self._taken = (Reason("ledger", taken, code=ReasonCode.CONFLICT),)
            self.feed(Stop())  # in good order: whoever waits is answered

    def _confirm(self, effect: WriteConfirmation) -> None:
        def then(result: object) -> None:
            if result is None or isinstance(result, NotWritten):
                why = str(result) if result is not None else ""
                self.feed(ConfirmationWritten(effect.generation, why))
                self._end_if_fenced(result)
            else:
                lost = f"the disk failed in a confirmation: {result}"
                self._end(1, (Reason("ledger", lost, code=ReasonCode.DISK),))

        number, extend = effect.generation, effect.extend
        if extend is None:
            self._workers.ledger.submit(lambda: self._ledger.confirm(number), then)
        else:
            self._workers.ledger.submit(lambda: self._ledger.extend(number, extend), then)

    def _record_not_applied(self, effect: RecordNotApplied) -> None:
        self._observer.not_applied(effect.generation, effect.names)
        self._record(lambda: self._ledger.record_not_applied(effect.generation, effect.names))

    def _remember(self, effect: RecordAttempt) -> None:
        self.record_attempt(effect.attempt)

    def record_attempt(self, attempt: Attempt) -> None:
        """Write a refused attempt into the history, with the places of its reasons."""
        provenance = self._provenance.behind(attempt.digest)

        def then(reasons: tuple[Reason, ...]) -> None:
            complete = attempt._replace(reasons=reasons)
            self._observer.refused(complete)
            self._record(lambda: self._ledger.record_attempt(complete))

        self._locate(attempt.reasons, provenance, then)

    def _record_warnings(self, effect: RecordWarnings) -> None:
        def then(warnings: tuple[Reason, ...]) -> None:
            self._record(lambda: self._ledger.record_warnings(effect.generation, warnings))

        self._locate(effect.warnings, self._provenance.behind(effect.digest), then)

    def _know_files(self, effect: RecordFilesDigest) -> None:
        self._record(lambda: self._ledger.record_files(effect.generation, effect.digest))

    def _know_kept(self, effect: RecordKept) -> None:
        self._record(lambda: self._ledger.record_kept(effect.generation))

    def _know_member(self, effect: RecordAttached) -> None:
        self._record(lambda: self._ledger.record_attached(effect.name, effect.present))

    def _know_voter(self, effect: RecordVoter) -> None:
        self._record(lambda: self._ledger.record_voter(effect.name, effect.present))

    def _record(self, job: Callable[[], None]) -> None:
        """Have something written whose loss breaks no promise."""
        self._workers.ledger.submit(job, self._or_warn(_LOST))

    def _or_warn(self, event: str) -> Callable[[object], None]:
        """What a job is followed by whose failure is told in the log and stops nothing."""

        def then(result: object) -> None:
            if isinstance(result, BaseException):
                self._log.warn(event, why=str(result))
                self._end_if_fenced(result)

        return then

    # The files

    def _read_files(self, effect: ReadFiles) -> None:
        assert self._files is not None, "the service refuses a reload where there are no files"

        def then(result: object) -> None:
            if isinstance(result, Unreadable):
                self.feed(CandidateRead(effect.txid, Refusal(result.reasons)))
            elif isinstance(result, Proposal):
                self._provenance.keep(result.configuration.digest, result.sources)
                self.feed(CandidateRead(effect.txid, result.configuration))
            else:
                why = f"the files could not be read: {result}"
                unread = Reason("config", why, code=ReasonCode.UNREADABLE)
                self.feed(CandidateRead(effect.txid, Refusal((unread,))))

        self._workers.files.submit(self._files.read, then)

    def _find_unread(self, effect: FindUnread) -> None:
        members = [(member.name, member.description) for member in self._machine.members]

        def then(found: object) -> None:
            reasons = found if isinstance(found, tuple) else ()
            self.feed(UnreadFound(effect.txid, reasons))

        self._workers.places.submit(lambda: unread_in(*effect.compared, members), then)

    def _recall(self, effect: ReadGeneration) -> None:
        number = effect.generation

        def then(result: object) -> None:
            if isinstance(result, Configuration):
                self._provenance.name(result.digest, Origin(f"generation {number}"))
                self.feed(CandidateRead(effect.txid, result))
            else:
                kept_not = isinstance(result, NotKept)
                code = ReasonCode.NOT_FOUND if kept_not else ReasonCode.DISK
                why = Refusal((Reason("config", str(result), code=code),))
                self.feed(CandidateRead(effect.txid, why))

        self._workers.history.submit(lambda: self._history.configuration(number), then)

    def _edited(self, effect: RecordEdit) -> None:
        before, after, keys, who, text = effect
        self._provenance.edited(before, after, keys, who.origin, text)

    def _locate(
        self,
        reasons: tuple[Reason, ...],
        provenance: Provenance,
        then: Callable[[tuple[Reason, ...]], None],
    ) -> None:
        """Call `then` with the reasons and their places; at once where there is nothing to find."""
        nothing_known = provenance == Provenance()
        if nothing_known or all(reason.origin or not reason.key for reason in reasons):
            then(reasons)
            return

        def found(result: object) -> None:
            then(result if isinstance(result, tuple) else reasons)

        self._workers.places.submit(lambda: located(reasons, provenance), found)

    # Participants

    def _send(self, effect: Send) -> None:
        self._observer.sent(self._machine, effect, self._timers.now())
        self._broadcast(effect.peers, encode(effect.message))

    def _tell_commit(self, effect: TellCommit) -> None:
        self._observer.told(effect, self._timers.now())
        receipt = effect.receipt
        message = Commit(self._identity, self._epoch, receipt.txid, receipt.generation)
        self._broadcast(effect.peers, encode(message))

    def _tell_admit(self, effect: TellAdmit) -> None:
        configuration = effect.durable.configuration
        message = Admit(
            ledger=self._identity,
            epoch=self._epoch,
            session=effect.session,
            generation=effect.durable.generation,
            digest=configuration.digest,
            configuration=configuration.encoded,
            arguments=effect.arguments,
        )
        self._broadcast((effect.peer,), encode(message))

    def _broadcast(self, peers: tuple[bytes, ...], frame: bytes) -> None:
        for peer in self._transport.send(peers, frame):
            self.feed(Unreachable(peer))

    def _start_process(self, effect: StartProcess) -> None:
        try:
            self._supervisor.start(effect.name, effect.spec, effect.ticket)
        except OSError as error:
            self.feed(Died(effect.name, effect.ticket, f"could not be started: {error.strerror}"))

    def _watch(self, effect: Watch) -> None:
        try:
            self._supervisor.watch(effect.name, effect.pid, effect.ticket)
        except (OSError, OverflowError):
            self.feed(Died(effect.name, effect.ticket, "its process is gone"))

    # Clients, and the start

    def _answer(self, effect: Answer) -> None:
        outcome = effect.outcome
        provenance = self._provenance.behind(outcome.digest)

        count = len(outcome.reasons)

        def then(found: tuple[Reason, ...]) -> None:
            complete = outcome._replace(reasons=found[:count], warnings=found[count:])
            self._owner.answer(effect.client, complete)

        self._locate((*outcome.reasons, *outcome.warnings), provenance, then)

    def _told(self, effect: AnswerInquiry) -> None:
        if effect.why_not:
            why_not = {"result": "failed", "code": str(effect.code), "error": effect.why_not}
            self._owner.answer(effect.client, why_not)
            return
        try:
            told = json.loads(effect.text)
        except (ValueError, RecursionError):
            told = None
        self._owner.answer(effect.client, {"version": 1, "told": told})

    def _ready(self, effect: AnnounceReady) -> None:
        self._owner.ready(
            self._located_at_start(effect.refused), self._located_at_start(effect.warnings)
        )

    def _give_up(self, effect: GiveUp) -> None:
        self._end(1, self._located_at_start(effect.reasons))

    def _located_at_start(self, reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
        """The reasons with the places of their keys in the files that the start was about."""
        return located(reasons, self._provenance.behind(self._starting_digest))

    def starting_with(self, proposal: Proposal) -> None:
        """The files that a refusal of the start will be about."""
        self._starting_digest = proposal.configuration.digest
        self._provenance.keep(self._starting_digest, proposal.sources)

    def name_running(self, running: Durable | None) -> None:
        """What the broker resumes is known by its generation, where no text is."""
        if running is not None:
            digest, number = running.configuration.digest, running.generation
            self._provenance.name(digest, Origin(f"generation {number}"))

    # The end

    def _end(self, status: int, reasons: tuple[Reason, ...]) -> None:
        self._over = True
        self._owner.end(status, reasons)

    def close(self) -> None:
        """Write what is in line for the ledger, and stop."""
        self._over = True
        self._workers.ledger.finish(limits.SHUTDOWN_SECONDS)
