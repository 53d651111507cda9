# SPDX-License-Identifier: LGPL-3.0-or-later
"""What may happen in the processes of participants, and what they say of it.  P5 and P7."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from participant.core.events import Event, Heard
from protocol.messages import (
    NOTHING,
    Abort,
    Admit,
    Applied,
    Commit,
    FromCoordinator,
    FromParticipant,
    Join,
    Prepare,
    Refuse,
    Vote,
)
from tests.exploration.books import Broken, Enabled
from tests.exploration.draft import Draft
from tests.exploration.member import Choice, Reaction
from tests.exploration.parts import Parts
from tests.exploration.spec import Spec
from tests.exploration.state import Process, Ran

if TYPE_CHECKING:
    from tests.exploration.world import Move

Ends = Callable[[Draft, Process], None]


class Participants:
    """The processes of one world."""

    def __init__(
        self, spec: Spec, parts: Parts, enabled: Enabled, die: Ends, cut_below: Ends
    ) -> None:
        self.spec = spec
        self.parts = parts
        self.enabled = enabled
        self._die = die
        self._cut_below = cut_below

    # Choices

    def choices(
        self,
        draft: Draft,
        before: Process,
        rest: Process,
        words: str,
        event: Event | None,
        book: int = 0,
        past: bool = False,
    ) -> "Iterator[Move]":
        """One event in a participant (`rest` without it), and all that its module may make of it.

        `event` is None for the end of its module's work; `past`: it came on no connection of now.
        """
        from tests.exploration.world import Move

        for more, choice, budget in self._options(draft, rest, event):

            def act(draft: Draft, choice: Choice = choice, budget: str = budget) -> None:
                if budget:
                    draft.spend(budget)
                draft.put(before, rest)
                self.happens(draft, rest, event, choice, book, past)

            yield Move(words + more, act, progress=not budget)

    def _options(
        self, draft: Draft, process: Process, event: Event | None
    ) -> Iterator[tuple[str, Choice, str]]:
        """Words, the choice, and the budget that it takes."""
        name, budget = process.name, draft.budget
        listens = name in self.spec.concurrent
        usual = Choice(hangs="both") if listens else Choice()
        found = self.parts.react(process.machine, process.module, event, usual).reaction
        if found is None:
            yield "", usual, ""
            return
        judged = "" if listens and event is None else found.judged
        if event is None and process.module.work == "judge":
            judged = process.module.candidate
        at_start = not process.module.running and (name, judged) in self.spec.rejects_at_start
        if judged and ((name, judged) in self.spec.rejects or at_start):
            usual = usual._replace(no=True)
            found = self.parts.react(process.machine, process.module, event, usual).reaction
            assert found is not None
        elif (name, judged) in self.spec.warns:
            usual = usual._replace(warns=True)
        applies = [applied.digest for applied in found.applied]
        if event is None and process.module.work == "apply":
            applies.append(process.module.running)
        mishap = next((self.spec.mishaps.get((name, digest), "") for digest in applies), "")
        if mishap == "hang" and event is not None:
            yield ", and hangs", usual._replace(hangs="apply"), ""
            return
        if mishap in ("break", "die"):
            usual = usual._replace(mishap=mishap)
        if listens and event is not None:
            yield "", usual, ""
            if budget.hang and found.judged:
                yield ", and looks for ever", usual._replace(hangs="for ever"), "hang"
            return
        yield "", usual, ""
        if event is None and process.module.cancelled and not usual.no:
            yield ", cut short", usual._replace(no=True), ""
        noes = self.spec.noes
        may = noes is None or judged in {one.digest for one in noes}
        if judged and not usual.no and budget.no and may:
            yield ", and says no", usual._replace(no=True), "no"
        if applies and not mishap:
            if budget.breaks:
                yield ", and breaks", usual._replace(mishap="break"), "breaks"
            if budget.die and found.applied:
                yield ", and dies of it", usual._replace(mishap="die"), "die"
        if budget.hang and not listens and (found.judged or found.applied):
            first = "judge" if found.judged else "apply"
            yield ", and hangs", usual._replace(hangs=first), "hang"

    # One event

    def happens(
        self,
        draft: Draft,
        process: Process,
        event: Event | None,
        choice: Choice,
        book: int = 0,
        past: bool = False,
    ) -> None:
        """This happens in `process`, which is in the draft as it is."""
        reacted = self.parts.react(process.machine, process.module, event, choice)
        reaction = reacted.reaction
        if reaction is None:
            raise Broken("assertion", reacted.failed)
        after = process._replace(
            machine=reacted.machine,
            module=reaction.module,
            hung=self._hangs(process, event, choice, reaction),
        )
        if isinstance(event, Heard):
            draft.tell(f"{process.name}: {', '.join(reaction.did) or 'nothing'}")
            after = self._fenced(process, after, event.message, reaction, book, past)
        for applied in reaction.applied:
            draft.books, ran = draft.books.applies(after.heard, after, applied, self.enabled)
            draft.tell(f"{process.name} runs generation {applied.authority.generation}")
            after = after._replace(ran=ran)
        for message in reaction.said:
            after = self._says(draft, after, message)
        self._untouched(after)
        draft.put(process, after)
        if reaction.dies or reaction.quits:
            self._ends(draft, after, reaction)

    def _hangs(
        self, before: Process, event: Event | None, choice: Choice, reaction: Reaction
    ) -> bool:
        """Whether what its module does takes longer than anybody's patience."""
        if not reaction.module.work:
            return False
        if before.name not in self.spec.concurrent:
            return bool(choice.hangs)
        still = before.hung and event is not None
        return (still or choice.hangs == "for ever") and not reaction.module.cancelled

    def _says(self, draft: Draft, process: Process, message: FromParticipant) -> Process:
        link = process.link
        draft.tell(f"{process.name} says {type(message).__name__}")
        if isinstance(message, Join | Applied):
            self._says_what_it_runs(process, message)
        if isinstance(message, Join) and link is not None:
            fence = process.fence._replace(session=message.session, peer=link.peer)
            process = process._replace(fence=fence)
        elif isinstance(message, Vote):
            draft.books = draft.books.votes(process.heard, process.name, message)
            if message.txid == process.asked:
                doubt = message.txid if message.yes else process.question
                process = process._replace(asked="", question=doubt)
        elif isinstance(message, Applied) and message.ok and process.heard:
            ran = Ran(process.heard, message.generation)
            process = process._replace(broke=False)
            if ran != process.ran:  # the same under a new number
                draft.books = draft.books.runs(*ran[:1], process.name, ran.generation)
                process = process._replace(ran=ran)
        elif isinstance(message, Applied) and process.module.running:
            process = process._replace(broke=message.digest != process.module.running)
        if link is not None and not link.severed:
            process = process._replace(link=link._replace(up=(*link.up, message)))
        return process

    def _ends(self, draft: Draft, process: Process, reaction: Reaction) -> None:
        if process.child or reaction.dies:
            self._die(draft, process)
        elif reaction.quits == "wanted":
            gone = process._replace(ticket=0)
            draft.put(process, gone)
            self._die(draft, gone)
        else:
            over = process._replace(retries=True)
            draft.put(process, over)
            if over.link is not None:
                self._cut_below(draft, over)

    # Promises

    def _fenced(
        self,
        before: Process,
        after: Process,
        message: FromCoordinator,
        reaction: Reaction,
        book: int,
        past: bool,
    ) -> Process:
        """P7, by what it was told and what it does; and whom it obeys from now on."""
        fence = before.fence
        if isinstance(message, Refuse):
            self._nothing_done(before, message, reaction, ("quit",))
            return after
        answers = not isinstance(message, Admit) or message.session == fence.session
        if fence.ledger in ("", message.ledger):
            may = answers and message.epoch >= fence.epoch
        else:
            may = answers and isinstance(message, Admit)
            decides = isinstance(message, Abort | Commit | Prepare)
            if decides and not past and "P7" in self.enabled:
                raise Broken("P7", f"{before.name} obeys another ledger, and is sent {message!r}")
        if not may:
            self._nothing_done(before, message, reaction, ())
            return after
        if before.link is None or fence.peer != before.link.peer:
            return after
        after = after._replace(fence=fence._replace(ledger=message.ledger, epoch=message.epoch))
        if isinstance(message, Admit | Commit | Prepare):
            after = after._replace(heard=book)
        if isinstance(message, Prepare):
            if "judge" not in reaction.did:
                return after
            return after._replace(asked="" if message.dry_run else message.txid)
        admits = isinstance(message, Admit) and "judge" in reaction.did
        if admits or getattr(message, "txid", "") == before.question:
            return after._replace(question="")
        return after

    def _nothing_done(
        self,
        process: Process,
        message: FromCoordinator,
        reaction: Reaction,
        allowed: tuple[str, ...],
    ) -> None:
        did = [what for what in reaction.did if what not in allowed]
        if "P7" in self.enabled and (did or reaction.said or reaction.applied):
            who = f"epoch {message.epoch} of {message.ledger}"
            raise Broken("P7", f"{process.name} obeys {type(message).__name__} of {who}")

    def _says_what_it_runs(self, process: Process, message: Join | Applied) -> None:
        """P5: what it says that it runs is what it runs."""
        said, runs = message.digest, process.module.running
        if "P5" in self.enabled and said not in (NOTHING, runs):
            raise Broken("P5", f"{process.name} says that it runs something else than it does")

    def _untouched(self, process: Process) -> None:
        """P5: who has no question open keeps nothing staged."""
        module = process.module
        if "P5" in self.enabled and module.staged and not process.question and not module.work:
            raise Broken("P5", f"{process.name} has nothing to answer, and keeps a candidate")
