# SPDX-License-Identifier: LGPL-3.0-or-later
"""Messages between the broker and its modules, as `flux module trace` shows them.

The words are Flux's: seen from the module, `tx` is what it sends and `rx` what it gets; a response
answers a request; the topic is NAME.MESSAGE.  Secrets do not get into it: of a configuration only
its digest is told.
"""

import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from coordinator.api.feeds import Feed, Wanted
from coordinator.api.fields import BadRequest, Fields, text, texts
from coordinator.core.members import Members
from protocol.codec import Malformed, decode_from_coordinator, decode_from_participant
from protocol.messages import Applied, Join, Leave, Message, Vote
from protocol.traffic import TYPES, type_of

SUCCESS = "success"
_LONG = ("candidate", "configuration", "description", "report", "text", "arguments")
"""Fields that are not told: they are long, or hold what only their owner should see."""


class Tracing:
    """Turns frames into lines, while anybody follows."""

    def __init__(self, members: Callable[[], Members], feed: Feed) -> None:
        self._members = members
        self._feed = feed

    def passed(self, way: str, peer: bytes, frame: bytes) -> None:
        """A frame has passed; see coordinator.transport.traced.Listener."""
        if not self._feed.followed:
            return
        decode = decode_from_participant if way == "tx" else decode_from_coordinator
        message: Message | Malformed = decode(frame)
        if isinstance(message, Malformed):
            return
        member = self._members().at(peer)
        name = message.name if isinstance(message, Join | Leave) else ""
        self._feed.publish(line(way, member.name if member else name or "?", message, len(frame)))


def line(way: str, name: str, message: Message, size: int) -> Fields:
    """What is told of a message; `size` is that of its frame."""
    fields: Fields = {
        "at": time.time(),
        "way": way,
        "name": name,
        "type": type_of(message),
        "topic": f"{name}.{type(message).__name__.lower()}",
        "size": size,
        "payload": _payload(message),
    }
    if fields["type"] == "response":
        fields["outcome"] = _outcome(message)
    return fields


def _outcome(message: Message) -> str:
    """Whether a response is the one that was hoped for."""
    if isinstance(message, Vote) and not message.yes:
        return "refused"
    if isinstance(message, Applied) and not message.ok:
        return "not applied"
    return SUCCESS


def _payload(message: Message) -> dict[str, Any]:
    shown = {}
    for field, value in message._asdict().items():
        if field in ("reasons", "warnings"):
            shown[field] = [str(reason) for reason in value]
        elif field not in _LONG:
            shown[field] = value
    return shown


def wanted(request: Fields) -> Wanted:
    """The filter that a client asks for.  Raises BadRequest."""
    names, types = set(texts(request, "names")), set(texts(request, "types"))
    topic, full = text(request, "topic", "*"), request.get("full") is True
    if types - set(TYPES):
        raise BadRequest(f"valid types: {', '.join(TYPES)}")

    def told(happened: Fields) -> Fields | None:
        if names and happened["name"] not in names:
            return None
        if types and happened["type"] not in types:
            return None
        if not fnmatchcase(happened["topic"], topic):
            return None
        shown = dict(happened)
        if not full:
            del shown["payload"]
        return shown

    return told
