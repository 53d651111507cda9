# SPDX-License-Identifier: LGPL-3.0-or-later
"""Between the door and the machine: requests become events, outcomes become answers."""

from typing import Any

from coordinator.api import module_status
from coordinator.api.fields import BadRequest, key
from coordinator.api.history import Job, SlowReads, error_answer
from coordinator.api.operations import BrokerHandle, Operations, Wanted
from coordinator.api.server import ApiServer, Connection
from coordinator.api.watchers import Watchers
from coordinator.core.events import Asked
from coordinator.core.requests import Request
from coordinator.core.results import Outcome, Result
from coordinator.files.merge_process import merge_beside
from coordinator.files.reading import Unreadable
from coordinator.runtime.worker import result_of
from protocol.configuration import Configuration
from protocol.reasons import Reason

_SHORT = 8 * 1024  # bytes of text that are merged faster than a thread is woken


class Dispatcher:
    """Serves the clients of one broker."""

    def __init__(self, desk: BrokerHandle) -> None:
        self._desk = desk
        self._service = Operations(desk)
        self._looks = SlowReads(desk, desk.history)
        self._watchers: Watchers | None = None
        self._seen = 0
        """The generation in force when it was last looked at."""
        self.door: ApiServer | None = None

    def open(self, door: ApiServer) -> None:
        """From now on there are clients."""
        self.door = door
        self._watchers = Watchers(door, self._service.lookup)

    def look_out(self) -> None:
        """Tell those who watch, where another generation has come into force."""
        running = self._desk.machine.running
        if running is None or running.generation == self._seen:
            return
        self._seen = running.generation
        if self._watchers is not None:
            self._watchers.committed(running)

    def asked(self, client: Connection, request: dict[str, Any]) -> None:
        """One request: answered at once, or on its way to the machine."""
        assert self.door is not None
        try:
            answer = self._service.read(request) or self._service.note(request, client.uid)
            if answer is not None:
                self.door.answer(client, answer)
                return
            if request["op"] == "watch":
                self._watch(client, request)
                return
            question = self._service.inquiry(request, client.number)
            if question is not None:
                client.busy = True
                self._desk.feed(question)
                return
            job = self._places(request) or self._looks.job(request)
            if job is not None:
                self._look(client, job)
                return
            wanted = self._service.change(request, client.uid, client.pid)
        except BadRequest as wrong:
            self.door.answer(client, {"error": str(wrong)})
            return
        except Unreadable as unreadable:
            self._refuse(client, unreadable.reasons)
            return
        client.busy = True
        if wanted.request is not None:
            self._desk.feed(Asked(client.number, wanted.request))
        else:
            self._merge_first(client, wanted)

    def _places(self, request: dict[str, Any]) -> Job | None:
        """The work of finding where a module's values were written, if that is asked."""
        if request["op"] != "module-origins":
            return None
        member = self._service.member(request)
        provenance = self._desk.provenance.behind(member.digest)
        return lambda: {"version": 1, **module_status.places(member, provenance)}

    def _watch(self, client: Connection, request: dict[str, Any]) -> None:
        running = self._desk.machine.running
        if running is None or self._watchers is None:
            raise BadRequest("no configuration is in force yet")
        path = key(request) if "name" in request else ()
        client.busy = True  # nothing else is asked on this connection
        self._watchers.add(client, path, running)

    def _look(self, client: Connection, job: Job) -> None:
        def then(result: object) -> None:
            found = result if isinstance(result, dict) else None
            failed = result if isinstance(result, BaseException) else TypeError(repr(result))
            self.answer(client.number, error_answer(failed) if found is None else found)

        client.busy = True
        self._desk.history_worker.submit(job, then)

    def _merge_first(self, client: Connection, wanted: Wanted) -> None:
        """Long texts are parsed beside the loop before the machine is asked."""

        def then(result: object) -> None:
            if isinstance(result, Configuration):
                self._desk.provenance.keep(result.digest, wanted.sources)
                assert wanted.build is not None
                self._ask(client, wanted.build(result))
            else:
                why = (Reason("config", f"the texts could not be read: {result}"),)
                reasons = result.reasons if isinstance(result, Unreadable) else why
                if wanted.attempt is not None:
                    self._desk.record_attempt(wanted.attempt._replace(reasons=reasons))
                self._refuse(client, reasons)

        def job() -> Configuration:
            return merge_beside(wanted.sources)

        if sum(len(source.text) for source in wanted.sources) <= _SHORT:
            then(result_of(job))
        else:
            self._desk.file_worker.submit(job, then)

    def _ask(self, client: Connection, request: Request) -> None:
        assert self.door is not None
        if client.number in self.door.clients:  # it may have gone meanwhile
            self._desk.feed(Asked(client.number, request))

    def _refuse(self, client: Connection, reasons: tuple[Reason, ...]) -> None:
        running = self._desk.machine.running
        outcome = Outcome(Result.REFUSED, running.generation if running else 0, reasons=reasons)
        client.busy = True
        self.answer(client.number, outcome.as_json())

    def answer(self, number: int, answer: dict[str, Any]) -> None:
        """The outcome of a change; its client may be gone."""
        client = self.door.clients.get(number) if self.door else None
        if client is None or self.door is None:
            return
        client.busy = False
        self.door.answer(client, answer)
        self.door.next_request(client)
