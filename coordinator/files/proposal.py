# SPDX-License-Identifier: LGPL-3.0-or-later
"""The configuration files as the broker's executor sees them: read, merged, a candidate."""

from typing import NamedTuple, Protocol

from coordinator.files.merge_process import merge_beside
from coordinator.files.parsing import merge
from coordinator.files.reading import Source, Unreadable, read_sources
from coordinator.files.writers import strangers
from protocol.configuration import Configuration


class Proposal(NamedTuple):
    """What the files ask for, and the texts that say so."""

    sources: tuple[Source, ...]
    configuration: Configuration


class Files(Protocol):
    """Where a reload takes its candidate from."""

    def read(self) -> Proposal:
        """What the files ask for now.  Runs beside the loop.  Raises Unreadable."""

    def read_at_once(self) -> Proposal | None:
        """What a start is to propose, in the loop; None to resume what ran last.

        Raises Unreadable.
        """


class StartFiles:
    """Files, and texts that are merged on top of them at the start alone.

    As `--conf` of flux-broker(1) has it: a reload reads the files, and nothing else.
    """

    def __init__(self, files: "FilesOnDisk | None", on_top: tuple[Source, ...]) -> None:
        """`files` is None where there is no configuration path; then nobody reloads, either."""
        self._files = files
        self._on_top = on_top

    def read(self) -> Proposal:
        """The files alone."""
        assert self._files is not None, "a reload is refused where there are no files"
        return self._files.read()

    def read_at_once(self) -> Proposal:
        """The files, and what goes on top."""
        sources = (*(self._files.sources() if self._files is not None else ()), *self._on_top)
        return Proposal(sources, merge(sources))


class FilesOnDisk:
    """A .toml file, a .json file, or a directory of *.toml."""

    def __init__(self, path: str) -> None:
        self._path = path

    def sources(self) -> tuple[Source, ...]:
        """The texts as they are now.  Raises Unreadable."""
        return read_sources(self._path)

    def read(self) -> Proposal:
        """Long texts are merged in a process of its own, so that readers are answered meanwhile."""
        sources = read_sources(self._path)
        return _trusted(Proposal(sources, merge_beside(sources)))

    def read_at_once(self) -> Proposal:
        """The same where nobody waits for an answer yet: at the start."""
        sources = read_sources(self._path)
        return _trusted(Proposal(sources, merge(sources)))


def _trusted(proposal: Proposal) -> Proposal:
    """Commands that it names will be run: raises Unreadable where others could have named them."""
    if reasons := strangers(proposal.configuration, proposal.sources):
        raise Unreadable(reasons)
    return proposal
