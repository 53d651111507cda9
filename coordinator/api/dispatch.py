# SPDX-License-Identifier: LGPL-3.0-or-later
"""Between the clients' socket and the machine: requests become events, outcomes become answers."""

from collections.abc import Callable
from typing import assert_never

from coordinator.api.access import DENIED, AccessRules
from coordinator.api.changed_keys import ChangedKeys
from coordinator.api.changes import Changes
from coordinator.api.connection import Connection
from coordinator.api.event_watchers import EventWatchers
from coordinator.api.feeds import Feed
from coordinator.api.fields import BadRequest, Fields, failure
from coordinator.api.handle import BrokerHandle
from coordinator.api.history import SlowReads, error_answer
from coordinator.api.lookup import Lookup
from coordinator.api.observation import Observation
from coordinator.api.operations import Operations
from coordinator.api.secret_places import SecretPlaces
from coordinator.api.server import ApiServer
from coordinator.api.table import (
    Caller,
    Change,
    EventsRequest,
    FollowRequest,
    Kind,
    Look,
    MergeFirst,
    Response,
    Table,
    WatchRequest,
)
from coordinator.api.timelines import TimelineReads
from coordinator.api.tracing import Tracing
from coordinator.api.watchers import Watchers
from coordinator.core.events import Asked, Inquired
from coordinator.core.merge_patch import MergePatch
from coordinator.core.requests import Request
from coordinator.core.results import Outcome, Result
from coordinator.files.reading import Unreadable
from coordinator.runtime.worker import result_of
from protocol import limits
from protocol.configuration import Configuration
from protocol.keys import Path
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason

_OWNERS_ONLY = {
    Kind.CHANGE: "only the owner of the broker may change its configuration",
    Kind.PRIVATE: "only the owner of the broker may see this: it shows what others typed",
}


class Dispatcher:
    """Serves the clients of one broker, by one table of requests."""

    def __init__(self, broker: BrokerHandle) -> None:
        self._broker = broker
        secrets = SecretPlaces(lambda: broker.machine.members)
        self._lookup = Lookup(secrets)
        self._changed = ChangedKeys(broker, secrets)
        self._access = AccessRules(lambda: broker.machine.running, self._lookup)
        self._log, self._messages = Feed(), Feed()
        tracing = Tracing(lambda: broker.machine.members, self._messages)
        broker.log.listener = self._logged
        broker.trace.listener = tracing.passed
        self._table: Table = {
            **Operations(broker, self._lookup, secrets).table(),
            **Observation(broker, self._log, self._messages).table(),
            **SlowReads(broker, secrets).table(),
            **TimelineReads(broker, secrets).table(),
            **Changes(broker, secrets).table(),
        }
        self._server: ApiServer | None = None
        self._watchers: Watchers | None = None
        self._event_watchers: EventWatchers | None = None
        self._secrets = secrets
        self._seen = 0
        """The generation in force when it was last looked at."""

    def open(self, server: ApiServer) -> None:
        """From now on there are clients."""
        self._server = server
        self._watchers = Watchers(server, self._lookup)
        self._event_watchers = EventWatchers(server, self._broker, self._secrets)
        self._log.open(server)
        self._messages.open(server)
        server.drained = self._drained
        server.admit_by(self._access.role_of, DENIED)

    def _logged(self, line: Callable[[], Fields]) -> None:
        """The log has another line."""
        if self._log.followed:
            self._log.publish({"line": line()})

    def _drained(self, client: Connection) -> None:
        assert self._watchers is not None
        assert self._event_watchers is not None
        self._watchers.drained(client)
        self._event_watchers.drained(client)

    def look_out(self) -> None:
        """The machine has made a step.

        Where the members have been asked about a change, get its answer ready; where another
        generation has come into force, obey its `access` and tell who watches.
        """
        change = self._broker.machine.transaction
        if change is not None and change.compared is not None and change.client is not None:
            self._changed.foresee(change.compared)
        running = self._broker.machine.running
        if running is None or running.generation == self._seen:
            return
        self._seen = running.generation
        if self._server is not None and self._watchers is not None:
            self._server.judge_again()
            self._watchers.committed(running)

    def asked(self, client: Connection, request: Fields) -> None:
        """One request: answered at once, or on its way to whoever answers it."""
        caller = Caller(client.number, client.uid, client.pid, client.role)
        try:
            self._carry_on(client, self._response(request, caller))
        except BadRequest as wrong:
            self.answer(client.number, failure(str(wrong), wrong.code))
        except Unreadable as unreadable:
            self._refuse(client, unreadable.reasons)

    def _response(self, request: Fields, caller: Caller) -> Response:
        entry = self._table.get(request["op"])
        if entry is None:
            raise BadRequest(f"unknown operation {request['op']!r:.60}")
        if entry.kind in _OWNERS_ONLY and not caller.is_owner:
            raise BadRequest(_OWNERS_ONLY[entry.kind], ReasonCode.NOT_OWNER)
        return entry.handler(request, caller)

    def _carry_on(self, client: Connection, response: Response) -> None:
        match response:
            case dict():
                self.answer(client.number, response)
            case WatchRequest(path):
                self._watch(client, path)
            case EventsRequest():
                assert self._event_watchers is not None
                self._may_watch()
                client.busy = True
                self._event_watchers.add(client, response)
            case FollowRequest():
                self._follow(client, response)
            case Look(job):
                self._look(client, job)
            case Inquired():
                client.busy = True
                self._broker.feed(response)
            case Change(request):
                client.busy = True
                self._ask(client, request)
            case MergeFirst():
                client.busy = True
                self._merge_first(client, response)
            case _:
                assert_never(response)

    def _watch(self, client: Connection, path: Path) -> None:
        assert self._server is not None
        assert self._watchers is not None
        running = self._broker.machine.running
        assert running is not None, "the handler refuses it before"
        self._may_watch()
        client.busy = True  # nothing else is asked on this connection
        self._watchers.add(client, path, running)

    def _may_watch(self) -> None:
        """Raise BadRequest where half of all places are taken by those who watch."""
        assert self._server is not None
        assert self._watchers is not None
        assert self._event_watchers is not None
        watching = self._watchers.count() + self._event_watchers.count()
        if watching >= self._server.places() // 2:
            many = "too many clients watch the configuration; try again later"
            raise BadRequest(many, ReasonCode.BUSY)

    def _follow(self, client: Connection, wanted: FollowRequest) -> None:
        assert self._server is not None
        if wanted.feed.count() >= limits.FOLLOWERS:
            many = "too many clients follow this already; try again later"
            raise BadRequest(many, ReasonCode.BUSY)
        client.busy = True  # nothing else is asked on this connection
        for fields in wanted.before:
            self._server.answer(client, fields)
        wanted.feed.add(client, wanted.wanted)

    def _look(self, client: Connection, job: Callable[[], Fields]) -> None:
        def then(result: object) -> None:
            answer = result if isinstance(result, dict) else None
            failed = result if isinstance(result, BaseException) else TypeError(repr(result))
            self.answer(client.number, error_answer(failed) if answer is None else answer)

        client.busy = True
        self._broker.history_worker.submit(job, then)

    def _merge_first(self, client: Connection, wanted: MergeFirst) -> None:
        """Long texts are parsed beside the loop before the machine is asked."""

        def then(result: object) -> None:
            if isinstance(result, Configuration | MergePatch):
                self._broker.provenance.keep(result.digest, wanted.sources)
                self._ask(client, wanted.build(result))
            else:
                unread = f"the texts could not be read: {result}"
                why = (Reason("config", unread, code=ReasonCode.UNREADABLE),)
                reasons = result.reasons if isinstance(result, Unreadable) else why
                if wanted.attempt is not None:
                    self._broker.record_attempt(wanted.attempt._replace(reasons=reasons))
                self._refuse(client, reasons)

        def job() -> Configuration | MergePatch:
            return wanted.read(wanted.sources)

        if sum(len(source.text) for source in wanted.sources) <= limits.MERGE_IN_LOOP_BYTES:
            then(result_of(job))
        else:
            self._broker.file_worker.submit(job, then)

    def _ask(self, client: Connection, request: Request) -> None:
        assert self._server is not None
        if client.number in self._server.clients:  # it may have gone meanwhile
            self._broker.feed(Asked(client.number, request))

    def _refuse(self, client: Connection, reasons: tuple[Reason, ...]) -> None:
        generation = self._broker.machine.generation
        self.answer(client.number, Outcome(Result.REFUSED, generation, reasons=reasons))

    def answer(self, number: int, answer: Outcome | Fields) -> None:
        """Bring a client its answer; it may be gone."""
        if isinstance(answer, Outcome):
            self._changed.answer(answer, lambda whole: self._bring(number, whole))
        else:
            self._bring(number, answer)

    def _bring(self, number: int, answer: Fields) -> None:
        client = self._server.clients.get(number) if self._server else None
        if client is None or self._server is None:
            return
        client.busy = False
        self._server.answer(client, answer)
        self._server.resume(client)
