# SPDX-License-Identifier: LGPL-3.0-or-later
"""What clients can ask that is answered from memory, and by modules: a row of the table for each.

Nothing that a client sends is trusted, also not the owner's: what is wrong with a request is said
in its answer.
"""

import time

from coordinator.api import guests, module_status, status
from coordinator.api.fields import BadRequest, Fields, count, cursor, flag, key, text
from coordinator.api.handle import BrokerHandle
from coordinator.api.lookup import Lookup
from coordinator.api.secret_places import SecretPlaces
from coordinator.api.table import Caller, EventsRequest, Kind, Look, Table, TableEntry, WatchRequest
from coordinator.attributes import BadAttribute, at_runtime, listed
from coordinator.core.members import Member
from protocol import limits
from protocol.nearest import did_you_mean
from protocol.reason_code import ReasonCode


class Operations:
    """Reading requests, and the notes that a broker keeps for its owner (attributes)."""

    def __init__(self, broker: BrokerHandle, lookup: Lookup, secrets: SecretPlaces) -> None:
        self._broker = broker
        self._secrets = secrets
        self._lookup = lookup

    def table(self) -> Table:
        """The rows that are served here."""
        return {
            "get": TableEntry(Kind.READ, self._get),
            "watch": TableEntry(Kind.READ, self._watch),
            "events": TableEntry(Kind.READ, self._events),
            "status": TableEntry(Kind.READ, self._status),
            "dump": TableEntry(Kind.READ, self._dump),
            "modules": TableEntry(Kind.READ, self._modules),
            "module-config": TableEntry(Kind.READ, self._module_config),
            "module-origins": TableEntry(Kind.READ, self._module_origins),
            "module-describe": TableEntry(Kind.READ, self._module_describe),
            "getattr": TableEntry(Kind.READ, self._getattr),
            "lsattr": TableEntry(Kind.READ, self._lsattr),
            "setattr": TableEntry(Kind.CHANGE, self._setattr),
        }

    # The configuration

    def _get(self, request: Fields, caller: Caller) -> Fields:
        running = self._broker.machine.running
        if running is None:
            raise BadRequest("no configuration is in force yet", ReasonCode.NOT_FOUND)
        answer = {"generation": running.generation, "digest": running.configuration.digest}
        if "name" not in request:
            return {**answer, "configuration": self._lookup.at(running, (), caller.is_owner)}
        try:
            value = self._lookup.at(running, key(request), caller.is_owner)
            return {**answer, "set": True, "value": value}
        except KeyError:
            return {**answer, "set": False}

    def _watch(self, request: Fields, _: Caller) -> WatchRequest:
        if self._broker.machine.running is None:
            raise BadRequest("no configuration is in force yet", ReasonCode.NOT_FOUND)
        return WatchRequest(key(request) if "name" in request else ())

    def _events(self, request: Fields, _: Caller) -> EventsRequest:
        since = (
            count(request, "since", 0, limits.LONGEST_GENERATION) if "since" in request else None
        )
        return EventsRequest(since, cursor(request, "after") if "after" in request else None)

    def _status(self, _: Fields, caller: Caller) -> Fields:
        machine = self._broker.machine
        path = self._broker.attributes.get("config.path", "")
        told = status.status(machine, time.monotonic())
        answer = {**self._secrets.known().without_values(told), "path": path}
        if machine.refused_start:
            answer["refused_start"] = [reason.as_json() for reason in self._broker.refused_start]
        if self._broker.absent:
            here = {member.name for member in machine.members}
            missed = [name for name in self._broker.absent if name not in here]
            answer["missed"] = missed
        if self._broker.forgets:
            answer["temporary"] = True
        return answer if caller.is_owner else guests.without_commands(answer)

    def _dump(self, _: Fields, caller: Caller) -> Fields:
        running = self._broker.machine.running
        if running is None:
            raise BadRequest("no configuration is in force yet", ReasonCode.NOT_FOUND)
        configuration = self._lookup.at(running, (), caller.is_owner)
        return status.dump(self._broker.machine, self._broker.attributes, configuration)

    # Modules

    def _modules(self, _: Fields, __: Caller) -> Fields:
        now = time.monotonic()
        members = self._broker.machine.members
        return {"modules": [status.module(member, now) for member in members]}

    def _module_config(self, request: Fields, _: Caller) -> Fields:
        return {"version": 1, **module_status.config(self._member(request))}

    def _module_origins(self, request: Fields, caller: Caller) -> Look:
        member = self._member(request)
        provenance = self._broker.provenance.behind(member.digest)
        if not caller.is_owner:
            provenance = provenance.without_commands()
        return Look(lambda: {"version": 1, **module_status.places(member, provenance)})

    def _module_describe(self, request: Fields, _: Caller) -> Fields:
        member = self._member(request)
        return {"version": 1, "name": member.name, "description": module_status.described(member)}

    def _member(self, request: Fields) -> Member:
        """The module that a request names.  Raises BadRequest."""
        name = text(request, "name")
        member = self._broker.machine.members.get(name)
        if member is None:
            near = did_you_mean(name, (member.name for member in self._broker.machine.members))
            why = f"{name:.60}: no such module is loaded{near}"
            raise BadRequest(why, ReasonCode.NOT_FOUND)
        return member

    # Attributes

    def _getattr(self, request: Fields, _: Caller) -> Fields:
        name = text(request, "name")
        if name not in self._broker.attributes:
            near = did_you_mean(name, self._broker.attributes)
            raise BadRequest(f"{name}: no such attribute{near}", ReasonCode.NOT_FOUND)
        return {"value": self._broker.attributes[name]}

    def _lsattr(self, _: Fields, __: Caller) -> Fields:
        attributes = dict(sorted(self._broker.attributes.items()))
        return {"attributes": attributes, "known": listed(attributes)}

    def _setattr(self, request: Fields, _: Caller) -> Fields:
        name, value = text(request, "name"), text(request, "value")
        attributes = self._broker.attributes
        try:
            value = at_runtime(name, value, flag(request, "force"))
        except BadAttribute as error:
            raise BadRequest(str(error)) from None
        if name not in attributes and len(attributes) >= limits.ATTRIBUTES:
            many = f"there are {limits.ATTRIBUTES} attributes already"
            raise BadRequest(many, ReasonCode.TOO_LARGE)
        attributes[name] = value
        if name == "log-stderr-level":
            self._broker.log.level = int(value)
        return {"value": value}
