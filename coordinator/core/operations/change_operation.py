# SPDX-License-Identifier: LGPL-3.0-or-later
"""A change apart from its vote: what was asked for, the candidate made of it, and the answer.

What lies between the candidate and the answer is two-phase commit, in transaction.py.
"""

from itertools import islice

from coordinator.core.decisions import Attempt
from coordinator.core.edit import Edit
from coordinator.core.effects import Answer, FindUnread, ReadFiles, ReadGeneration, RecordEdit
from coordinator.core.merge_patch import MergePatch
from coordinator.core.operation import Operation
from coordinator.core.operations.confirm import why_barred
from coordinator.core.rebase import Rebased
from coordinator.core.requests import ChangeRequest, Earlier, FromFiles, Replacement
from coordinator.core.results import Comparison, Outcome
from coordinator.core.state import SharedState
from protocol import limits
from protocol.configuration import EMPTY, Configuration, Unfit
from protocol.keys import Path
from protocol.reasons import Reason, Refusal


class ChangeOperation(Operation):
    """Base of the transaction: request, candidate, reasons, outcome."""

    def __init__(
        self, shared: SharedState, client: int | None, request: ChangeRequest, asked_at: float
    ) -> None:
        """`asked_at` is when the request arrived: time in the queue counts against its deadline."""
        super().__init__(shared)
        self.txid = request.txid or shared.next_txid()
        self.client = client
        self.request = request
        self.asked_at = asked_at
        self.deadline = asked_at + request.seconds
        self.candidate: Configuration | None = None
        self.reasons: list[Reason] = []
        """Of every vote that is a no, and of whatever else stopped it."""
        self.outcome: Outcome | None = None
        self.compared: Comparison | None = None
        self.looks = False
        """Whether it is being found out what nobody reads of it, which is awaited like a vote."""
        self.unread_keys: tuple[Reason, ...] = ()
        self.from_files = isinstance(request.proposal, FromFiles)
        self._note("begin", verb=request.verb, dry_run=request.dry_run)
        self._propose()

    # The candidate

    def barred(self) -> Reason | None:
        """Why this change must not be tried; None if it may be."""
        return why_barred(self.shared, self.request)

    def _propose(self) -> None:
        why_not = self.barred()
        if why_not is not None:
            self.proposed(Refusal((why_not,)))
            return
        match self.request.proposal:
            case FromFiles():
                self.outbox.emit(ReadFiles(self.txid))
            case Replacement(configuration):
                self.proposed(configuration)
            case Edit() as edit:
                self.proposed(self._edited(edit, (edit.key,)))
            case MergePatch() as patch:
                keys = tuple(islice(patch.keys(), limits.EDITS_REMEMBERED))
                self.proposed(self._edited(patch, keys, patch.digest))
            case Rebased() as change:
                self.proposed(self._rebased(change))
            case Earlier(generation):
                before = max(self.shared.generation - 1, 0)
                self.outbox.emit(
                    ReadGeneration(self.txid, before if generation is None else generation)
                )

    def _edited(
        self, change: Edit | MergePatch, keys: tuple[Path, ...], text: str = ""
    ) -> Configuration | Refusal:
        """What runs, changed at `keys` by the command, or by the text with the digest `text`.

        That is noted for the reasons against it.  Those found here point to it where they have a
        key: what is wrong with the whole was not given by one command.
        """
        running, who = self.shared.running, self.request.who
        assert running is not None, "clients are let in when something runs"
        before = running.configuration
        try:
            after = change.applied_to(before)
        except Unfit as unfit:
            origin = who.origin if unfit.key else None
            return Refusal((Reason("config", unfit.message, unfit.key, origin),))
        self.outbox.emit(RecordEdit(before.digest, after.digest, keys, who, text))
        return after

    def _rebased(self, change: Rebased) -> Configuration | Refusal:
        running = self.shared.running
        assert running is not None, "clients are let in when something runs"
        try:
            return change.applied_to(running.configuration)
        except Unfit as unfit:
            return Refusal((Reason("config", unfit.message, unfit.key),))

    def proposed(self, found: Configuration | Refusal) -> None:
        """The candidate has been made, or there are reasons why it cannot be."""
        raise NotImplementedError

    def _compare(self) -> None:
        """Note what it is a change from, and have it looked at where a warning may refuse it."""
        assert self.candidate is not None
        running = self.shared.running
        before = running.configuration if running is not None else EMPTY
        self.compared = Comparison(before, self.candidate)
        if self.request.strict:
            self.looks = True
            self.outbox.emit(FindUnread(self.txid, self.compared))

    # The answer

    def _attempt(self) -> Attempt:
        request = self.request
        digest = self.candidate.digest if self.candidate else ""
        return Attempt(
            txid=self.txid,
            base=self.shared.generation,
            digest=digest,
            verb=request.verb,
            who=request.who,
            message=request.message,
            reasons=tuple(self.reasons),
        )

    def _answer(self, outcome: Outcome) -> None:
        if self.client is not None:
            self.outbox.emit(Answer(self.client, outcome))
            self.client = None

    def _note(self, event: str, **fields: object) -> None:
        """A line for the log; every phase has one, and all lines of a change have its txid."""
        self.outbox.log(event, txid=self.txid, elapsed=round(self._elapsed(), 6), **fields)

    def _objectors(self) -> str:
        """The names of those who said no, died or were late, in that order of events."""
        return " ".join(dict.fromkeys(reason.module for reason in self.reasons))

    def _elapsed(self) -> float:
        return self.shared.now - self.asked_at
