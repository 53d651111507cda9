# SPDX-License-Identifier: LGPL-3.0-or-later
"""The checkers' own books, as values, and the promises that are judged by them.

What is in them was seen on the wire, on the disk and at the modules; nothing is read off a machine
but what it shows (P9).  They hold no more than what can still matter: a transaction that nobody
mentions any more is taken out.
"""

from typing import NamedTuple

from coordinator.core.decisions import Decision, Durable
from coordinator.core.machine import Coordinator
from coordinator.core.operations.confirm import UNDO
from coordinator.core.results import Outcome, Result
from protocol.messages import Admit, Commit, Vote
from tests.exploration.disk import Opened, Rows
from tests.exploration.member import Applied
from tests.exploration.state import Process, Ran


class Broken(AssertionError):
    """A promise does not hold; `promise` is its number or name."""

    def __init__(self, promise: str, what: str) -> None:
        super().__init__(f"{promise}: {what}")
        self.promise = promise


class Entry(NamedTuple):
    """A generation that came to the disk to stay."""

    txid: str
    digest: str
    members: tuple[str, ...]
    back: bool
    """It goes back to what ran before."""
    ran: frozenset[str] = frozenset()
    """Who has taken it into use."""
    undo: bool = False
    """Nobody asked for it: it takes back what a member could not apply, or nobody confirmed."""
    unable: frozenset[str] = frozenset()
    """Of its members, who said that they cannot apply it while that could still undo it."""


class Book(NamedTuple):
    """One history of one ledger."""

    entries: tuple[Entry, ...] = ()
    ledger: str = ""
    epoch: int = 0


class Case(NamedTuple):
    """What is known of a transaction that somebody may still decide."""

    book: int
    txid: str
    asked: frozenset[str]
    """The members at the moment of asking."""
    yes: frozenset[str] = frozenset()
    no: frozenset[str] = frozenset()
    heard_no: frozenset[str] = frozenset()
    """Whose no has come to the broker in time; it stays, whatever becomes of them."""
    left: float = 0.0
    """Seconds until whoever has not voted is late."""
    unwell: frozenset[str] = frozenset()
    """Whose vote a change that goes back does not need, when its decision is forced."""
    warned: frozenset[str] = frozenset()
    closed: bool = False
    """It is decided: what it took to decide it does not matter any more."""
    dropped: str = ""
    """What its client was told, where that means that it is nowhere."""


class Books(NamedTuple):
    """All of it."""

    books: tuple[Book, ...] = (Book(),)
    cases: tuple[Case, ...] = ()

    def of(self, number: int) -> Book:
        """The book of this number, from 1."""
        return self.books[number - 1]

    def entry(self, number: int, generation: int) -> Entry | None:
        """What is on disk as this generation."""
        entries = self.of(number).entries
        return entries[generation - 1] if 0 < generation <= len(entries) else None

    def with_book(self, number: int, book: Book) -> "Books":
        """The same with another book of this number."""
        books = list(self.books)
        books[number - 1] = book
        return self._replace(books=tuple(books))

    def case(self, number: int, txid: str) -> Case | None:
        """The transaction of this name."""
        found = (case for case in self.cases if case.txid == txid and case.book == number)
        return next(found, None)

    def with_case(self, case: Case) -> "Books":
        """The same with what is now known of this transaction."""
        others = [one for one in self.cases if (one.book, one.txid) != (case.book, case.txid)]
        return self._replace(cases=tuple(sorted((*others, case), key=lambda one: one[:2])))

    # What is seen

    def asks(
        self,
        number: int,
        txid: str,
        members: frozenset[str],
        well: frozenset[str],
        allowed: float = 0.0,
    ) -> "Books":
        """The members are asked: by the first Prepare of a transaction, or what is looked for
        beside their votes, or, where there is neither, when its decision is forced.
        """
        case = self.case(number, txid)
        if case is not None:
            asked_now = allowed and not (case.left or case.closed)
            return self.with_case(case._replace(left=allowed)) if asked_now else self
        return self.with_case(Case(number, txid, members, left=allowed, unwell=members - well))

    def later(self, seconds: float) -> "Books":
        """The same after some time."""
        if not any(case.left for case in self.cases):
            return self
        cases = (case._replace(left=round(max(0.0, case.left - seconds), 6)) for case in self.cases)
        return self._replace(cases=tuple(cases))

    def forces(self, number: int, txid: str, well: frozenset[str]) -> "Books":
        """A decision is on its way to the disk; `well`: who could have voted, were it in time."""
        case = self.case(number, txid)
        assert case is not None
        unwell = case.asked - well if case.left else case.asked
        return self.with_case(case._replace(unwell=case.unwell | unwell))

    def hears_no(self, number: int, txid: str, name: str) -> "Books":
        """The no of a member has come to the broker."""
        case = self.case(number, txid)
        if case is None or case.closed or not case.left:
            return self
        return self.with_case(case._replace(heard_no=case.heard_no | {name}))

    def votes(self, number: int, name: str, vote: Vote) -> "Books":
        """A participant has voted; its first word counts."""
        case = self.case(number, vote.txid)
        if case is None or case.closed or name in case.yes or name in case.no:
            return self
        if vote.yes:
            warned = case.warned | {name} if vote.warnings else case.warned
            return self.with_case(case._replace(yes=case.yes | {name}, warned=warned))
        return self.with_case(case._replace(no=case.no | {name}))

    def durable(
        self,
        number: int,
        decision: Decision,
        enabled: "Enabled",
        ran: frozenset[str] = frozenset(),
    ) -> "Books":
        """A decision is on disk to stay; `ran`: who runs it already.  P2, P6."""
        book = self.of(number)
        if decision.generation != len(book.entries) + 1 and "P6" in enabled:
            raise Broken("P6", f"generation {decision.generation} follows {len(book.entries)}")
        back = decision.verb in (UNDO, "rollback")
        if "P2" in enabled:
            self._unanimous(number, decision, back)
        entry = Entry(decision.txid, decision.configuration.digest, decision.members, back, ran,
                      decision.verb == UNDO)  # fmt: skip
        found = self.with_book(number, book._replace(entries=(*book.entries, entry)))
        case = self.case(number, decision.txid)
        return found if case is None else found.with_case(_closed(case))

    def _unanimous(self, number: int, decision: Decision, back: bool) -> None:
        case = self.case(number, decision.txid)
        asked = case.asked if case else frozenset()
        yes, no = (case.yes, case.no) if case else (frozenset[str](), frozenset[str]())
        for name in decision.members:
            if name not in yes:
                said = "no" if name in no else "nothing"
                raise Broken("P2", f"{decision.txid} is on disk, and {name} said {said}")
        missing = asked - set(decision.members)
        if missing and not (back and case is not None and missing <= case.unwell):
            raise Broken("P2", f"{decision.txid} is on disk without {min(missing)}, a member")

    def opened(
        self,
        number: int,
        last: Durable | None,
        rows: Rows,
        opened: Opened,
        enabled: "Enabled",
    ) -> "Books":
        """A new life has read the ledger; what was uncertain may be there.  P6."""
        kept, identity, epoch = self.of(number).entries, opened.identity, opened.epoch
        if last is not None and len(rows.decisions) == last.generation == len(kept) + 1:
            return self.durable(number, last.decision, enabled).opened(
                number, last, rows, opened, enabled
            )
        book = self.of(number)
        if "P6" in enabled:
            if rows.history != tuple((entry.txid, entry.digest) for entry in kept):
                raise Broken("P6", f"{len(rows.history)} generations of {len(kept)} are there")
            if epoch <= book.epoch:
                raise Broken("P6", f"epoch {epoch} comes after {book.epoch}")
        return self.with_book(number, book._replace(ledger=identity, epoch=epoch))

    def applies(
        self, number: int, process: Process, applied: Applied, enabled: "Enabled"
    ) -> tuple["Books", Ran]:
        """A participant takes something into use.  P1, P3, P4, P5."""
        authority, digest = applied
        entry = self.entry(number, authority.generation)
        if "P1" in enabled:
            _committed_only(process, authority, digest, entry)
        if "P3" in enabled:
            self._never_rejected(number, process, authority, entry)
        if "P4" in enabled:
            self._rising(number, process, authority)
        if "P5" in enabled and isinstance(authority, Commit):
            case = self.case(number, authority.txid)
            if case is not None and case.dropped:
                raise Broken("P5", f"{process.name} applies {case.txid}: {case.dropped}")
        ran = Ran(number, authority.generation)
        if entry is None:
            return self, ran
        return self.runs(number, process.name, authority.generation), ran

    def runs(self, number: int, name: str, generation: int) -> "Books":
        """It runs this generation."""
        entry, book = self.entry(number, generation), self.of(number)
        if entry is None or name in entry.ran:
            return self
        entries = list(book.entries)
        entries[generation - 1] = entry._replace(ran=entry.ran | {name})
        return self.with_book(number, book._replace(entries=tuple(entries)))

    def hears_unable(self, number: int, generation: int, name: str) -> "Books":
        """A member has said that it cannot apply a generation that is provisional."""
        entry, book = self.entry(number, generation), self.of(number)
        if entry is None or name not in entry.members:
            return self
        entries = list(book.entries)
        entries[generation - 1] = entry._replace(unable=entry.unable | {name})
        return self.with_book(number, book._replace(entries=tuple(entries)))

    def _never_rejected(
        self, number: int, process: Process, authority: Commit | Admit, entry: Entry | None
    ) -> None:
        txids = {entry.txid} if entry is not None else set()
        if isinstance(authority, Commit):
            txids.add(authority.txid)
        for txid in txids:
            case = self.case(number, txid)
            if case is None:
                continue
            noes = case.no
            if entry is not None and entry.back:
                noes = case.heard_no | (case.no & set(entry.members))
            if noes:
                raise Broken("P3", f"{process.name} applies {txid}, and {min(noes)} rejected it")

    def _rising(self, number: int, process: Process, authority: Commit | Admit) -> None:
        ran, now = process.ran, authority.generation
        before = ran.generation if self._is_one_history(ran, number) else 0
        if isinstance(authority, Admit):
            if now < before:
                raise Broken("P4", f"{process.name} goes from {before} to {now}")
        elif ran.generation and not before:
            raise Broken("P4", f"{process.name} takes a Commit of a ledger that is not its own")
        elif before and now != before + 1:
            raise Broken("P4", f"{process.name} goes from {before} to {now} by a Commit")

    def _is_one_history(self, ran: Ran, number: int) -> bool:
        """Whether two books are one up to what it ran: a copy holds what was copied."""
        if ran.book in (0, number):
            return True
        one, other = self.entry(ran.book, ran.generation), self.entry(number, ran.generation)
        return one is not None and other is not None and one.txid == other.txid

    def answered(self, number: int, outcome: Outcome, enabled: "Enabled") -> "Books":
        """A client is told how its change ended.  Truth, P5."""
        if not outcome.txid:
            return self
        held = {entry.txid: entry for entry in self.of(number).entries}
        entry, said = held.get(outcome.txid), outcome.result
        if said in (Result.COMMITTED, Result.PARTIAL) and entry is None and "truth" in enabled:
            raise Broken("truth", f"{outcome.txid} is called {said}; no ledger holds it")
        if said is Result.COMMITTED and entry is not None and "truth" in enabled:
            for name in entry.members:
                if name not in entry.ran:
                    raise Broken("truth", f"{outcome.txid} is {said}; {name} never ran it")
        case = self.case(number, outcome.txid)
        if case is not None and said in _ACCEPTED and "truth" in enabled:
            told = {reason.module for reason in outcome.warnings}
            if not case.warned <= told:
                raise Broken("truth", f"{min(case.warned)} warned, and the client is not told")
        if said not in (Result.REFUSED, Result.VALID):
            return self
        if entry is not None and "truth" in enabled:
            raise Broken("truth", f"{outcome.txid} is called {said}; the ledger holds it")
        if case is None:
            return self
        return self.with_case(_closed(case)._replace(dropped=str(said), warned=frozenset()))

    def undone(self, number: int, outcome: Outcome) -> None:
        """Where failures are undone: what a member could not apply does not stand.

        Its undo comes next, whatever waits, and leads to what ran before.
        """
        entries = self.of(number).entries
        place = next((at for at, one in enumerate(entries) if one.txid == outcome.txid), None)
        said = [reason.message for reason in outcome.reasons]
        broke = any(text.startswith(_BROKE) for text in said)
        not_yet = any(text.endswith(_YET) or text.startswith(_LATER) for text in said)
        if outcome.result is Result.PARTIAL and broke and place and not not_yet:
            raise Broken("undone", f"{outcome.txid} stands, and a member could not apply it")
        if outcome.result is not Result.UNDONE:
            return
        if not place:
            raise Broken("undone", f"{outcome.txid} is called undone; no ledger holds it")
        following = entries[place + 1] if place + 1 < len(entries) else None
        if following is None or not following.undo:
            raise Broken("undone", f"{outcome.txid} is undone, and something else came next")
        if following.digest != entries[place - 1].digest:
            raise Broken("undone", f"{outcome.txid} is undone, and what came next is not before")


_BROKE, _YET, _LATER = "failed in commit", "could not be undone yet", "not undone yet"

Enabled = frozenset[str]
"""Which promises are looked at."""

ALL: Enabled = frozenset(
    ("P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "truth", "undone", "liveness",
     "patience", "assertion")
)  # fmt: skip


def _closed(case: Case) -> Case:
    nobody: frozenset[str] = frozenset()
    return case._replace(closed=True, asked=nobody, yes=nobody, unwell=nobody, left=0.0)


_ACCEPTED = (Result.COMMITTED, Result.PARTIAL, Result.VALID)


def _committed_only(
    process: Process, authority: Commit | Admit, digest: str, entry: Entry | None
) -> None:
    name, number = process.name, authority.generation
    if entry is None:
        raise Broken("P1", f"{name} applies generation {number}, which no disk holds")
    if isinstance(authority, Commit) and authority.txid != entry.txid:
        raise Broken("P1", f"{name} applies {authority.txid}; the ledger holds {entry.txid}")
    if digest != entry.digest:
        raise Broken("P1", f"{name} applies something else as generation {number}")


def shown(machine: Coordinator, acknowledged: int, rows: Rows) -> None:
    """P9: what a broker shows is the last generation that it has heard to be on disk."""
    running = machine.running
    number = running.generation if isinstance(running, Durable) else 0
    if number != acknowledged:
        raise Broken("P9", f"generation {number} is shown; the last is {acknowledged}")
    if running is not None:
        digest = rows.history[number - 1][1] if number <= len(rows.history) else ""
        if digest != running.configuration.digest:
            raise Broken("P9", f"a generation {number} is shown that no ledger holds")
