# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a broker needs of a ledger, whichever it is: SQLite's file today, etcd some day.

Opening is the implementation's own: it makes a new epoch durable before anything else is done, and
raises LedgerError where the ledger is unusable.  The rules that every implementation keeps:

- Generations are 1, 2, 3 and so on: a decision follows the last one, or is not written.
- The epoch is a fence: in the transaction that writes, the epoch on disk is compared with the
  writer's own.  Where it is larger, a later coordinator has the ledger, and nothing is written
  (Kleppmann, "Designing Data-Intensive Applications", section 8.3, fencing tokens).
- A decision, a confirmation and its extension are forced: when the call returns they survive a
  power cut.  Records (`record_…`) may be lost in a crash; their loss breaks no promise.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from coordinator.core.decisions import Attempt, Decision, Durable, Provisional, Receipt
from protocol.configuration import Configuration
from protocol.reasons import Reason


class History(Protocol):
    """The past of one ledger; used from one thread beside the loop, and never in a writer's way."""

    def configuration(self, generation: int) -> Configuration:
        """What this generation was.  Raises NotKept, and what a bad disk raises."""

    def entry(self, generation: int) -> dict[str, Any]:
        """One generation in the shape of docs/json.md, "history".  Raises NotKept."""

    def history(self, most: int) -> list[dict[str, Any]]:
        """Generations and refused attempts, newest first, at most `most`."""

    def find(self, txid: str) -> dict[str, Any] | None:
        """The entry of this transaction, if it is kept."""

    def timelines(self, txids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """By txid, what `record_timelines` was given of these, as far as it is kept."""

    def undone(self, generations: Iterable[int]) -> dict[int, str]:
        """Those of `generations` that the next one took back by itself, and why, in words."""


class Ledger(Protocol):
    """One open ledger, in the life of one coordinator.  Used from one thread at a time."""

    @property
    def identity(self) -> str:
        """Random, made at the ledger's birth: in every message that carries authority or doubt."""

    @property
    def life(self) -> str:
        """Random, made at every opening: a restored ledger comes to the same epochs again."""

    @property
    def epoch(self) -> int:
        """The number of this life: on disk, and greater than that of any former one."""

    def force(self, decision: Decision) -> Durable:
        """Make the decision durable.

        Raises NotWritten where it certainly is not on disk, Fenced (a NotWritten) where a later
        coordinator has the ledger, Uncertain where nobody knows.
        """

    def confirm(self, generation: int) -> None:
        """Make it durable that this generation stays.  Raises as `force` does."""

    def extend(self, generation: int, seconds: float) -> None:
        """Make it durable that this generation is undone in `seconds` from now, and not before.

        Raises as `force` does.
        """

    def last(self) -> Durable | None:
        """The decision in force; None before the first."""

    def receipts(self) -> Mapping[str, Receipt]:
        """The last decisions by txid, oldest first, DECISIONS_KNOWN at most."""

    def unconfirmed(self) -> tuple[int, Configuration, float] | None:
        """The last generation, where it waits to be confirmed; what ran before it; seconds left."""

    def provisional(self) -> Provisional | None:
        """The last generation, where it is to be undone if a member cannot apply it."""

    def attached(self) -> tuple[str, ...]:
        """Names of the attached participants that were members when the last life ended."""

    def voters(self) -> tuple[str, ...]:
        """Who had a say in the last generation, or has come since, less those that have gone."""

    def record_files(self, generation: int, digest: str) -> None:
        """The files with this digest are what `generation` runs.  May be lost; raises any error."""

    def record_attempt(self, attempt: Attempt) -> None:
        """Write a refused attempt into the history.  May be lost; raises any error."""

    def record_warnings(self, generation: int, warnings: Iterable[Reason]) -> None:
        """What modules had to say of a generation they accepted.  As `record_attempt`."""

    def record_not_applied(self, generation: int, names: tuple[str, ...]) -> None:
        """Who had not applied this generation when its change ended.  As `record_attempt`."""

    def record_kept(self, generation: int) -> None:
        """This provisional generation stays.  As `record_attempt`: a later life looks again."""

    def record_timelines(self, timelines: Iterable[Mapping[str, Any]]) -> None:
        """The moments of changes, in the shape of docs/json.md.  As `record_attempt`."""

    def record_attached(self, name: str, present: bool) -> None:
        """An attached participant became, or ceased to be, a member.  As `record_attempt`."""

    def record_voter(self, name: str, present: bool) -> None:
        """A module of ours was loaded, or removed, by somebody.  As `record_attempt`."""

    @property
    def wants_maintenance(self) -> bool:
        """True if `maintain` is worth its while."""

    def maintain(self) -> None:
        """Tidy up while nobody waits for a decision.  An error loses nothing."""

    def history(self) -> History:
        """A reader of this ledger's past."""

    def close(self) -> None:
        """Let go of it, so that another coordinator may have it."""
