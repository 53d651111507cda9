# SPDX-License-Identifier: LGPL-3.0-or-later
"""The texts behind configurations, kept for as long as somebody may ask where a key was written.

Reasons travel with the key that they are about.  Which line of which file that was, or which
command set it, is looked up here, by the digest of the configuration, and only when there is a
reason to tell.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from coordinator.files.positions import find_position
from coordinator.files.reading import Source
from protocol.keys import Path
from protocol.reasons import Origin, Reason

_KEPT = 4  # what runs, what is proposed, and some slack
_EDITS = 1000  # commands remembered on top of the texts; the oldest are forgotten


class Provenance(NamedTuple):
    """Where a configuration came from: texts, edits made to it since, or something else."""

    sources: tuple[Source, ...] = ()
    edits: tuple[tuple[Path, Origin], ...] = ()
    """Which key, by which command; the newest last."""
    whole: Origin | None = None
    """Said of keys of which nothing else is known."""

    def of(self, key: Path) -> Origin | None:
        """Where `key` was written: by the last command that touched it, else in the texts."""
        for edited, origin in reversed(self.edits):
            if key[: len(edited)] == edited:
                return origin
        return find_position(self.sources, key) or self._inner(key) or self.whole

    def _inner(self, key: Path) -> Origin | None:
        """The last command that set something inside `key`, a table that no text mentions."""
        inside = (origin for edited, origin in reversed(self.edits) if edited[: len(key)] == key)
        return next(inside, None)

    def edited(self, key: Path, origin: Origin) -> "Provenance":
        """The same after one more edit, which takes the place of those inside its key."""
        kept = tuple(edit for edit in self.edits if edit[0][: len(key)] != key)
        return self._replace(edits=(*kept[1 - _EDITS :], (key, origin)))

    def without_commands(self) -> "Provenance":
        """The same for those who may not see what others typed: keys that were edited have none.

        An edit still stands in the way of the text that it replaced.
        """
        return self._replace(edits=tuple((key, _COMMAND) for key, _ in self.edits))


_COMMAND = Origin("a command")
_UNKNOWN = Provenance()


class ProvenanceStore:
    """Provenance by the digest of the configuration."""

    def __init__(self) -> None:
        self._by_digest: OrderedDict[str, Provenance] = OrderedDict()

    def keep(self, digest: str, sources: tuple[Source, ...]) -> None:
        """These were merged into the configuration with this digest."""
        self._keep(digest, Provenance(sources))

    def edited(self, before: str, after: str, key: Path, origin: Origin) -> None:
        """A command made the configuration `after` from `before` by changing `key`."""
        self._keep(after, self.behind(before).edited(key, origin))

    def name(self, digest: str, origin: Origin) -> None:
        """Where the configuration with this digest is from, unless its texts are known."""
        if not self.behind(digest).sources:
            self._keep(digest, self.behind(digest)._replace(whole=origin))

    def behind(self, digest: str) -> Provenance:
        """Where a configuration came from, as far as that is still known."""
        if digest not in self._by_digest:
            return _UNKNOWN
        self._by_digest.move_to_end(digest)
        return self._by_digest[digest]

    def _keep(self, digest: str, provenance: Provenance) -> None:
        self._by_digest[digest] = provenance
        self._by_digest.move_to_end(digest)
        while len(self._by_digest) > _KEPT:
            self._by_digest.popitem(last=False)


def located(reasons: Iterable[Reason], provenance: Provenance) -> tuple[Reason, ...]:
    """The reasons, each with the place of its key; pure, and slow where the texts are long."""
    return tuple(
        reason
        if reason.origin or not reason.key
        else replace(reason, origin=provenance.of(reason.key))
        for reason in reasons
    )
