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
from protocol import limits
from protocol.keys import Path
from protocol.reasons import Origin, Reason

_KEPT = 4  # what runs, what is proposed, and some slack


class Provenance(NamedTuple):
    """Where a configuration came from: texts, edits made to it since, or something else."""

    sources: tuple[Source, ...] = ()
    edits: tuple[tuple[Path, Origin], ...] = ()
    """Which key, by which command; the newest last."""
    whole: Origin | None = None
    """Said of keys of which nothing else is known."""
    texts: tuple[Source, ...] = ()
    """What the last command that gave values in a text said."""
    texts_of: Origin | None = None
    """That command."""

    def of(self, key: Path) -> Origin | None:
        """Where `key` was written: by the last command that touched it, else in the texts."""
        for edited, origin in reversed(self.edits):
            if key[: len(edited)] == edited:
                here = find_position(self.texts, key) if origin is self.texts_of else None
                return here or origin
        return find_position(self.sources, key) or self._inner(key) or self.whole

    def _inner(self, key: Path) -> Origin | None:
        """The last command that set something inside `key`, a table that no text mentions."""
        inside = (origin for edited, origin in reversed(self.edits) if edited[: len(key)] == key)
        return next(inside, None)

    def edited(self, key: Path, origin: Origin) -> "Provenance":
        """The same after one more edit, which takes the place of those inside its key."""
        return self.merged((key,), origin)

    def merged(
        self, keys: tuple[Path, ...], origin: Origin, texts: tuple[Source, ...] = ()
    ) -> "Provenance":
        """The same after an edit of several keys, whose values stand in `texts` if in any."""
        given = set(keys)
        kept = [edit for edit in self.edits if not _inside(edit[0], given)]
        edits = (*kept, *((key, origin) for key in keys))[-limits.EDITS_REMEMBERED :]
        if not texts:
            return self._replace(edits=edits)
        return self._replace(edits=edits, texts=texts, texts_of=origin)

    def without_commands(self) -> "Provenance":
        """The same for those who may not see what others typed: keys that were edited have none.

        An edit still stands in the way of the text that it replaced.
        """
        edits = tuple((key, _COMMAND) for key, _ in self.edits)
        return self._replace(edits=edits, texts=(), texts_of=None)


def _inside(key: Path, given: set[Path]) -> bool:
    """Returns True if `key` is one of those given, or is in one of them."""
    return any(key[:length] in given for length in range(1, len(key) + 1)) or () in given


_COMMAND = Origin("a command")
_UNKNOWN = Provenance()


class ProvenanceStore:
    """Provenance by the digest of the configuration."""

    def __init__(self) -> None:
        self._by_digest: OrderedDict[str, Provenance] = OrderedDict()

    def keep(self, digest: str, sources: tuple[Source, ...]) -> None:
        """These were merged into the configuration with this digest."""
        self._keep(digest, Provenance(sources))

    def edited(
        self, before: str, after: str, keys: tuple[Path, ...], origin: Origin, text: str = ""
    ) -> None:
        """A command made the configuration `after` from `before` by changing `keys`.

        `text`: the digest under which the texts were kept that gave the values.
        """
        texts = self.behind(text).sources if text else ()
        self._keep(after, self.behind(before).merged(keys, origin, texts))

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
