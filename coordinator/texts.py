"""The texts behind configurations, kept for as long as somebody may ask where a key was written.

Reasons travel with the key that they are about.  Which line of which file that was is looked up
here, by the digest of the configuration, and only when there is a reason to tell.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace

from coordinator.positions import locate
from coordinator.sources import Source
from protocol.reasons import Reason

_KEPT = 4  # what runs, what is proposed, and some slack


class Texts:
    """Sources by the digest of the configuration that they merge into."""

    def __init__(self) -> None:
        self._by_digest: OrderedDict[str, tuple[Source, ...]] = OrderedDict()

    def keep(self, digest: str, sources: tuple[Source, ...]) -> None:
        """These were merged into the configuration with this digest."""
        self._by_digest[digest] = sources
        self._by_digest.move_to_end(digest)
        while len(self._by_digest) > _KEPT:
            self._by_digest.popitem(last=False)

    def behind(self, digest: str) -> tuple[Source, ...]:
        """The sources of a configuration, where it came from files and they are still here."""
        if digest not in self._by_digest:
            return ()
        self._by_digest.move_to_end(digest)
        return self._by_digest[digest]


def located(reasons: Iterable[Reason], sources: tuple[Source, ...]) -> tuple[Reason, ...]:
    """The reasons, each with the place of its key; pure, and slow where the texts are long."""
    return tuple(
        reason
        if reason.origin or not reason.key
        else replace(reason, origin=locate(sources, reason.key))
        for reason in reasons
    )
