# SPDX-License-Identifier: LGPL-3.0-or-later
"""Questions whose answer lies on a disk: the history, earlier generations, the files as they are.

Each method is called in the broker's loop, takes what it needs of the machine's state there, and
returns the rest of the work as a function that a thread beside the loop runs.
"""

import os
from collections.abc import Callable
from typing import Any

from coordinator.api.diff import differences
from coordinator.api.fields import BadRequest, Fields, count, text
from coordinator.api.operations import BrokerHandle
from coordinator.core.decisions import Durable
from coordinator.files.merge_process import merge_beside
from coordinator.files.reading import Source, Unreadable, read_sources
from coordinator.ledger.errors import NotKept
from coordinator.ledger.interface import History
from protocol import limits
from protocol.configuration import Configuration

Job = Callable[[], Fields]
HISTORY_SHOWN = 20
RUNNING, FILES = "running", "files"


class SlowReads:
    """The reading requests that are answered from beside the loop."""

    def __init__(self, host: BrokerHandle, archive: History) -> None:
        self._host = host
        self._archive = archive
        self._last_sources: tuple[Source, ...] | None = None
        self._last_digest = ""
        self._jobs: dict[str, Callable[[Fields], Job]] = {
            "history": self._history,
            "show": self._show,
            "diff": self._diff,
            "files": self._files,
        }

    def job(self, request: Fields) -> Job | None:
        """The work behind a request; None where it is none of these.  Raises Wrong.

        The work raises Wrong, NotKept, Unreadable, or what a bad disk raises.
        """
        handler = self._jobs.get(request["op"])
        return handler(request) if handler else None

    def _history(self, request: Fields) -> Job:
        most = count(request, "most", HISTORY_SHOWN, limits.LONGEST_HISTORY)
        return lambda: {"version": 1, "history": self._archive.history(most)}

    def _show(self, request: Fields) -> Job:
        number = count(request, "generation", 0, 2**63 - 1)

        def job() -> Fields:
            entry = self._archive.entry(number)
            configuration = self._archive.configuration(number)
            return {"version": 1, **entry, "configuration": configuration.plain()}

        return job

    def _diff(self, request: Fields) -> Job:
        a = self._side(text(request, "a", RUNNING))
        b = self._side(text(request, "b", FILES))

        def job() -> Fields:
            (old_shown, old), (new_shown, new) = a(), b()
            changes = [one.as_json() for one in differences(old, new)]
            return {"version": 1, "a": old_shown, "b": new_shown, "changes": changes}

        return job

    def _files(self, _: Fields) -> Job:
        path, running = self._path(), self._running()

        def job() -> Fields:
            shown: dict[str, Any] = {"version": 1, "path": path}
            found = self._digest_of_files(path)
            if isinstance(found, list):
                return {**shown, "reasons": found}
            return {**shown, "digest": found, "differ": found != running.configuration.digest}

        return job

    def _digest_of_files(self, path: str) -> str | list[Fields]:
        """Of the files' merged content; or why there is none.  They are parsed when they change."""
        try:
            sources = read_sources(path)
            if sources != self._last_sources:
                self._last_digest = merge_beside(sources).digest
                self._last_sources = sources
        except Unreadable as error:
            return [reason.as_json() for reason in error.reasons]
        return self._last_digest

    # The sides of a comparison

    def _side(self, name: str) -> Callable[[], tuple[Fields, Configuration]]:
        if name == RUNNING:
            running = self._running()
            shown: Fields = {"what": RUNNING, "generation": running.generation}
            return lambda: _described(shown, running.configuration)
        if name == FILES:
            path = self._path()
            return lambda: _described(
                {"what": FILES, "path": path}, merge_beside(read_sources(path))
            )
        if not (name.isascii() and name.isdigit() and len(name) < 19):
            raise BadRequest(f"{name!r:.60} is no generation; write a number, `running` or `files`")
        number = int(name)
        shown = {"what": "generation", "generation": number}
        return lambda: _described(shown, self._archive.configuration(number))

    def _running(self) -> Durable:
        running = self._host.machine.running
        if running is None:
            raise BadRequest("no configuration is in force yet")
        return running

    def _path(self) -> str:
        path = self._host.attributes.get("config.path")
        if not path:
            raise BadRequest(
                "the broker was started without a configuration path; there are no files"
            )
        return os.fspath(path)


def _described(shown: Fields, configuration: Configuration) -> tuple[Fields, Configuration]:
    return {**shown, "digest": configuration.digest}, configuration


def error_answer(error: BaseException) -> Fields:
    """The answer where a look found nothing."""
    if isinstance(error, Unreadable):
        return {
            "error": "\n".join(str(reason) for reason in error.reasons),
            "reasons": [reason.as_json() for reason in error.reasons],
        }
    if isinstance(error, NotKept | BadRequest):
        return {"error": str(error)}
    return {"error": f"the ledger cannot be read: {error}"}
