# SPDX-License-Identifier: LGPL-3.0-or-later
"""Requests whose answer lies on a disk: the history, earlier generations, the files as they are.

Each handler is called in the broker's loop, takes what it needs of the machine's state there, and
returns the rest of the work as a function that a thread beside the loop runs.
"""

import os
from collections.abc import Callable

from coordinator.api import guests
from coordinator.api.changed_keys import without_secrets
from coordinator.api.fields import BadRequest, Fields, count, failure, generation, text
from coordinator.api.handle import BrokerHandle
from coordinator.api.secret_places import SecretPlaces, Secrets
from coordinator.api.table import Caller, Kind, Look, Table, TableEntry
from coordinator.comparison.differences import differences
from coordinator.core.decisions import Durable
from coordinator.files.merge_process import merge_beside
from coordinator.files.reading import Source, Unreadable, read_sources
from coordinator.ledger.errors import NotKept
from protocol import limits
from protocol.configuration import Configuration
from protocol.reason_code import ReasonCode

HISTORY_SHOWN = 20
RUNNING, FILES = "running", "files"


class SlowReads:
    """The reading requests that are answered from beside the loop."""

    def __init__(self, broker: BrokerHandle, secrets: SecretPlaces) -> None:
        self._broker = broker
        self._secrets = secrets
        self._past = broker.history
        self._last_sources: tuple[Source, ...] | None = None
        self._last_digest = ""

    def table(self) -> Table:
        """The rows that are served here."""
        return {
            "history": TableEntry(Kind.READ, self._history),
            "show": TableEntry(Kind.READ, self._show),
            "diff": TableEntry(Kind.READ, self._diff),
            "files": TableEntry(Kind.READ, self._files),
            "next-start": TableEntry(Kind.READ, self._next_start),
        }

    def _history(self, request: Fields, caller: Caller) -> Look:
        most = count(request, "most", HISTORY_SHOWN, limits.LONGEST_HISTORY)
        secrets = self._secrets.known()

        def job() -> Fields:
            entries = self._past.history(most)
            return {"version": 1, "history": [_for(caller, entry, secrets) for entry in entries]}

        return Look(job)

    def _show(self, request: Fields, caller: Caller) -> Look:
        number, secrets = generation(request), self._secrets.known()

        def job() -> Fields:
            entry = _for(caller, self._past.entry(number), secrets)
            configuration = self._past.configuration(number).plain()
            if not caller.is_owner:
                configuration = secrets.hidden(configuration)
            return {"version": 1, **entry, "configuration": configuration}

        return Look(job)

    def _diff(self, request: Fields, caller: Caller) -> Look:
        a = self._side(text(request, "a", RUNNING))
        b = self._side(text(request, "b", FILES))
        secrets = self._secrets.known()

        def job() -> Fields:
            (before, old), (after, new) = a(), b()
            found = differences(old, new)
            if not caller.is_owner:
                found = (without_secrets(difference, secrets) for difference in found)
            changes = [difference.as_json() for difference in found]
            result = "differ" if changes else "same"
            return {"result": result, "a": before, "b": after, "changes": changes}

        return Look(job)

    def _files(self, _: Fields, __: Caller) -> Look:
        path, running = self._path(), self._running()

        def job() -> Fields:
            answer: Fields = {"version": 1, "path": path}
            try:
                digest = self._digest_of_files(path)
            except Unreadable as error:
                return {**answer, "reasons": [reason.as_json() for reason in error.reasons]}
            return {**answer, "digest": digest, "differ": digest != running.configuration.digest}

        return Look(job)

    def _next_start(self, _: Fields, __: Caller) -> Look:
        """Modules that somebody loaded, or removed, and of which the next start knows nothing."""
        members = self._broker.machine.members
        here = {member.name: member.spec for member in members if member.spec is not None}
        attached = {member.name for member in members if member.spec is None}

        def job() -> Fields:
            try:
                next_ones = dict(self._broker.next_modules())
            except Unreadable as error:
                reasons = [reason.as_json() for reason in error.reasons]
                return {"version": 1, "gone": [], "back": [], "reasons": reasons}
            gone = sorted(name for name, spec in here.items() if next_ones.get(name) != spec)
            back = sorted(set(next_ones) - set(here) - attached)
            return {"version": 1, "gone": gone, "back": back}

        return Look(job)

    def _digest_of_files(self, path: str) -> str:
        """Of the files' merged content.  They are parsed when they change.  Raises Unreadable."""
        sources = read_sources(path)
        if sources != self._last_sources:
            self._last_digest = merge_beside(sources).digest
            self._last_sources = sources
        return self._last_digest

    # The sides of a comparison

    def _side(self, name: str) -> Callable[[], tuple[Fields, Configuration]]:
        if name == RUNNING:
            running = self._running()
            side: Fields = {"what": RUNNING, "generation": running.generation}
            return lambda: _described(side, running.configuration)
        if name == FILES:
            path = self._path()
            return lambda: _described(
                {"what": FILES, "path": path}, merge_beside(read_sources(path))
            )
        if not (name.isascii() and name.isdigit() and len(name) < 19):
            raise BadRequest(f"{name!r:.60} is no generation; write a number, `running` or `files`")
        number = int(name)
        side = {"what": "generation", "generation": number}
        return lambda: _described(side, self._past.configuration(number))

    def _running(self) -> Durable:
        running = self._broker.machine.running
        if running is None:
            raise BadRequest("no configuration is in force yet", ReasonCode.NOT_FOUND)
        return running

    def _path(self) -> str:
        path = self._broker.attributes.get("config.path")
        if not path:
            why = "the broker was started without a configuration path; there are no files"
            raise BadRequest(why, ReasonCode.NOT_FOUND)
        return os.fspath(path)


def _for(caller: Caller, entry: Fields, secrets: Secrets) -> Fields:
    """An entry of the history as this caller may see it."""
    return secrets.without_values(entry) if caller.is_owner else guests.without_commands(entry)


def _described(side: Fields, configuration: Configuration) -> tuple[Fields, Configuration]:
    return {**side, "digest": configuration.digest}, configuration


def error_answer(error: BaseException) -> Fields:
    """The answer where a look found nothing."""
    if isinstance(error, Unreadable):
        why = "\n".join(str(reason) for reason in error.reasons)
        reasons = [reason.as_json() for reason in error.reasons]
        return {**failure(why, error.reasons[0].code), "reasons": reasons}
    if isinstance(error, BadRequest):
        return failure(str(error), error.code)
    if isinstance(error, NotKept):
        return failure(str(error), ReasonCode.NOT_FOUND)
    return failure(f"the ledger cannot be read: {error}", ReasonCode.DISK)
