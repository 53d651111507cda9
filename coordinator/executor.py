# SPDX-License-Identifier: LGPL-3.0-or-later
"""Effects carried out: where the machine's wishes meet sockets, disk and processes."""

import json
import time
from collections.abc import Callable
from typing import Any, Protocol

from coordinator.core.decisions import Attempt, Decision, Durable
from coordinator.core.effects import (
    AnnounceReady,
    Answer,
    AnswerInquiry,
    Effect,
    GiveUp,
    Halt,
    Kill,
    ReadFiles,
    ReadGeneration,
    RecordAttached,
    RecordAttempt,
    RecordEdit,
    RecordFilesDigest,
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
    Spawned,
    Unreachable,
)
from coordinator.files.merge_process import merge_beside
from coordinator.files.provenance import Provenance, ProvenanceStore, located
from coordinator.files.reading import Source, Unreadable, read_sources
from coordinator.ledger.errors import NotWritten
from coordinator.ledger.sqlite import SqliteLedger
from coordinator.processes.children import Children
from coordinator.runtime.log import Log
from coordinator.runtime.worker import Worker
from coordinator.transport.zmq_router import ZmqRouter
from protocol import limits
from protocol.codec import encode
from protocol.configuration import Configuration
from protocol.messages import Admit, Commit
from protocol.reasons import Origin, Reason, Refusal

Hook = Callable[[str, object], None]
"""Called with "before" or "after" and each effect or decision; the chaos tests' way in."""

_LOST, _UNTIDY = "history not written", "ledger not tidied; nothing is lost"


class Owner(Protocol):
    """What the executor asks of the broker that it works for."""

    def feed(self, event: Event) -> None:
        """Something happened; the machine will hear of it."""

    def wake_at(self, moment: float) -> None:
        """Feed Woke at this moment."""

    def watch(self, descriptor: int) -> None:
        """Look after this pidfd."""

    def answer(self, client: int, answer: dict[str, Any]) -> None:
        """Bring the client its answer."""

    def ready(self, refused: tuple[Reason, ...]) -> None:
        """The start is complete."""

    def end(self, status: int, reasons: tuple[Reason, ...]) -> None:
        """Leave the loop after this."""


class Executor:
    """Carries out steps, effect by effect, in their order."""

    def __init__(
        self,
        owner: Owner,
        ledger: SqliteLedger,
        sockets: ZmqRouter,
        children: Children,
        log: Log,
        path: str | None,
        hook: Hook | None = None,
    ) -> None:
        """`path` is where the configuration files are, if anywhere."""
        self._owner = owner
        self._ledger = ledger
        self._sockets = sockets
        self._children = children
        self._log = log
        self._path = path
        self._hook = hook
        self.identity, self.epoch = ledger.identity, ledger.epoch
        self.texts = ProvenanceStore()
        self._starting_digest = ""
        self.disk = Worker("ledger")
        self.reader = Worker("files")
        self.finder = Worker("places")
        self.looks = Worker("looks")
        self.archive = ledger.history()
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            Send: self._send,
            TellCommit: self._tell_commit,
            TellAdmit: self._tell_admit,
            ReadFiles: self._read_files,
            ReadGeneration: self._recall,
            RecordEdit: self._edited,
            WriteConfirmation: self._confirm,
            StartProcess: self._start_process,
            Watch: self._watch,
            Kill: lambda effect: children.kill(effect.name, effect.pid),
            Answer: self._answer,
            AnswerInquiry: self._told,
            RecordAttempt: self._remember,
            RecordFilesDigest: self._know_files,
            RecordAttached: self._know_member,
            Wake: lambda effect: owner.wake_at(effect.at_monotonic),
            WriteLog: lambda effect: log.line(effect.event, dict(effect.fields)),
            AnnounceReady: lambda effect: owner.ready(effect.refused),
            GiveUp: self._give_up,
            Halt: lambda _: owner.end(0, ()),
        }

    def carry_out(self, step: Step) -> None:
        """Do all of it; the decision, if there is one, last."""
        for effect in step.effects:
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
        began = time.monotonic()

        def then(result: object) -> None:
            elapsed = time.monotonic() - began
            self._forced(decision, result, elapsed)

        self.disk.submit(lambda: self._ledger.force(decision), then)

    def _forced(self, decision: Decision, result: object, elapsed: float) -> None:
        if self._hook is not None:
            self._hook("after", decision)
        if isinstance(result, Durable):
            self._log.line("forced", {"txid": decision.txid, "generation": decision.generation,
                                      "elapsed": round(elapsed, 6)})  # fmt: skip
            self._owner.feed(Forced(result))
            if self._ledger.wants_maintenance:  # now that nobody waits for it
                self.disk.submit(self._ledger.maintain, self._or_warn(_UNTIDY))
        elif isinstance(result, NotWritten):
            self._owner.feed(NotForced(decision.txid, str(result)))
        else:
            why = Reason("ledger", f"the disk failed in mid-decision: {result}; restart the broker")
            self._owner.end(1, (why,))

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The threads whose results the broker's loop has to collect."""
        return self.disk, self.reader, self.finder, self.looks

    def _confirm(self, effect: WriteConfirmation) -> None:
        def then(result: object) -> None:
            if result is None or isinstance(result, NotWritten):
                why = str(result) if result is not None else ""
                self._owner.feed(ConfirmationWritten(effect.generation, why))
            else:
                lost = Reason("ledger", f"the disk failed in a confirmation: {result}")
                self._owner.end(1, (lost,))

        self.disk.submit(lambda: self._ledger.confirm(effect.generation), then)

    def _remember(self, effect: RecordAttempt) -> None:
        self.record_attempt(effect.attempt)

    def record_attempt(self, attempt: Attempt) -> None:
        """Write a refused attempt into the history, with the places of its reasons."""
        provenance = self.texts.behind(attempt.digest)

        def then(reasons: tuple[Reason, ...]) -> None:
            complete = attempt._replace(reasons=reasons)
            self.disk.submit(lambda: self._ledger.record_attempt(complete), self._or_warn(_LOST))

        self._locate(attempt.reasons, provenance, then)

    def _know_files(self, effect: RecordFilesDigest) -> None:
        self.disk.submit(
            lambda: self._ledger.record_files(effect.generation, effect.digest),
            self._or_warn(_LOST),
        )

    def _know_member(self, effect: RecordAttached) -> None:
        self.disk.submit(
            lambda: self._ledger.record_attached(effect.name, effect.present), self._or_warn(_LOST)
        )

    def _or_warn(self, event: str) -> Callable[[object], None]:
        """What a job is followed by whose failure is told in the log and stops nothing."""

        def then(result: object) -> None:
            if isinstance(result, BaseException):
                self._log.warn(event, why=str(result))

        return then

    # The files

    def _read_files(self, effect: ReadFiles) -> None:
        path = self._path
        assert path is not None, "the service refuses a reload where there are no files"

        def job() -> tuple[tuple[Source, ...], Configuration]:
            sources = read_sources(path)
            return sources, merge_beside(sources)

        def then(result: object) -> None:
            if isinstance(result, Unreadable):
                self._owner.feed(CandidateRead(effect.txid, Refusal(result.reasons)))
            elif isinstance(result, tuple):
                sources, configuration = result
                self.texts.keep(configuration.digest, sources)
                self._owner.feed(CandidateRead(effect.txid, configuration))
            else:
                why = Reason("config", f"the files could not be read: {result}")
                self._owner.feed(CandidateRead(effect.txid, Refusal((why,))))

        self.reader.submit(job, then)

    def _recall(self, effect: ReadGeneration) -> None:
        number = effect.generation

        def then(result: object) -> None:
            if isinstance(result, Configuration):
                self.texts.name(result.digest, Origin(f"generation {number}"))
                self._owner.feed(CandidateRead(effect.txid, result))
            else:
                why = Refusal((Reason("config", str(result)),))
                self._owner.feed(CandidateRead(effect.txid, why))

        self.looks.submit(lambda: self.archive.configuration(number), then)

    def _edited(self, effect: RecordEdit) -> None:
        self.texts.edited(effect.before, effect.after, effect.edit.key, effect.who.origin)

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

        self.finder.submit(lambda: located(reasons, provenance), found)

    # Participants

    def _send(self, effect: Send) -> None:
        self._broadcast(effect.peers, encode(effect.message))

    def _tell_commit(self, effect: TellCommit) -> None:
        receipt = effect.receipt
        message = Commit(self.identity, self.epoch, receipt.txid, receipt.generation)
        self._broadcast(
            effect.peers,
            encode(message),
        )

    def _tell_admit(self, effect: TellAdmit) -> None:
        configuration = effect.durable.configuration
        message = Admit(self.identity, self.epoch, effect.session,
                        effect.durable.generation, configuration.digest,
                        configuration.encoded, effect.arguments)  # fmt: skip
        self._broadcast((effect.peer,), encode(message))

    def _broadcast(self, peers: tuple[bytes, ...], frame: bytes) -> None:
        for peer in self._sockets.send(peers, frame):
            self._owner.feed(Unreachable(peer))

    def _start_process(self, effect: StartProcess) -> None:
        try:
            watched = self._children.start(effect.name, effect.spec)
        except OSError as error:
            self._owner.feed(Died(effect.name, 0, f"could not be started: {error.strerror}"))
            return
        if watched is not None:  # else the broker's loop will hear of it
            self._owner.watch(watched.pidfd)
            self._owner.feed(Spawned(effect.name, watched.pid))

    def _watch(self, effect: Watch) -> None:
        if self._children.watches(effect.name, effect.pid):
            return  # it was here before, left, and comes back
        try:
            watched = self._children.watch(effect.name, effect.pid)
        except (OSError, OverflowError):
            self._owner.feed(Died(effect.name, effect.pid, "its process is gone"))
            return
        self._owner.watch(watched.pidfd)

    # Clients, and the start

    def _answer(self, effect: Answer) -> None:
        outcome = effect.outcome
        provenance = self.texts.behind(outcome.digest)

        def then(reasons: tuple[Reason, ...]) -> None:
            self._owner.answer(effect.client, outcome._replace(reasons=reasons).as_json())

        self._locate(outcome.reasons, provenance, then)

    def _told(self, effect: AnswerInquiry) -> None:
        if effect.why_not:
            self._owner.answer(effect.client, {"error": effect.why_not})
            return
        try:
            told = json.loads(effect.text)
        except (ValueError, RecursionError):
            told = None
        self._owner.answer(effect.client, {"version": 1, "told": told})

    def _give_up(self, effect: GiveUp) -> None:
        self._owner.end(1, self.located_at_start(effect.reasons))

    def located_at_start(self, reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
        """The reasons with the places of their keys in the files that the start was about."""
        return located(reasons, self.texts.behind(self._starting_digest))

    def starting_with(self, configuration: Configuration, sources: tuple[Source, ...]) -> None:
        """The texts that a refusal of the start will be about."""
        self.texts.keep(configuration.digest, sources)
        self._starting_digest = configuration.digest

    def name_running(self, running: Durable | None) -> None:
        """What the broker resumes is known by its generation, where no text is."""
        if running is not None:
            digest, number = running.configuration.digest, running.generation
            self.texts.name(digest, Origin(f"generation {number}"))

    def close(self) -> None:
        """Write what is in line for the ledger, and stop."""
        self.disk.finish(limits.SHUTDOWN_SECONDS)
