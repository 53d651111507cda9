# SPDX-License-Identifier: LGPL-3.0-or-later
"""Requests to see how the broker and its modules fare: stats, messages, the log."""

from coordinator.api import tracing
from coordinator.api.feeds import Feed
from coordinator.api.fields import BadRequest, Fields, flag, seconds, text
from coordinator.api.handle import BrokerHandle
from coordinator.api.table import Caller, FollowRequest, Kind, Table, TableEntry
from coordinator.core.events import Inquired
from protocol.messages import Question


class Observation:
    """Nothing here changes anything, but for counters and the memory of the log."""

    def __init__(self, broker: BrokerHandle, log: Feed, messages: Feed) -> None:
        """`log` tells new lines, `messages` those between broker and modules."""
        self._broker = broker
        self._log = log
        self._messages = messages

    def table(self) -> Table:
        """The rows that are served here."""
        return {
            "module-stats": TableEntry(Kind.READ, self._module_stats),
            "module-clear": TableEntry(Kind.CHANGE, self._module_clear),
            "module-trace": TableEntry(Kind.PRIVATE, self._module_trace),
            "dmesg": TableEntry(Kind.PRIVATE, self._dmesg),
            "dmesg-clear": TableEntry(Kind.CHANGE, self._dmesg_clear),
        }

    # Modules

    def _module_stats(self, request: Fields, caller: Caller) -> Inquired:
        whose = text(request, "rusage", "")
        try:
            question = Question(f"rusage {whose}") if whose else Question.STATS
        except ValueError:
            raise BadRequest(
                f"{whose:.60} is unsupported; it is self, children or thread"
            ) from None
        return Inquired(caller.number, text(request, "name"), seconds(request), question)

    def _module_clear(self, request: Fields, caller: Caller) -> Inquired:
        return Inquired(caller.number, text(request, "name"), seconds(request), Question.CLEAR)

    def _module_trace(self, request: Fields, _: Caller) -> FollowRequest:
        return FollowRequest(self._messages, tracing.wanted(request))

    # The log

    def _dmesg(self, request: Fields, _: Caller) -> Fields | FollowRequest:
        lines = [] if flag(request, "new") else self._broker.log.recent()
        if not flag(request, "follow"):
            return {"lines": lines}
        return FollowRequest(self._log, dict, tuple({"line": line} for line in lines))

    def _dmesg_clear(self, _: Fields, __: Caller) -> Fields:
        self._broker.log.clear()
        return {}
