# SPDX-License-Identifier: LGPL-3.0-or-later
"""How many messages went each way, in the words in which Flux's modules count them.

Flux's message types are request, response, event and control (RFC 3).  Between a coordinator and a
module there are the first two: what answers another message is a response.
"""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

from protocol.messages import Applied, Message, Report, Vote

TYPES: Final = ("request", "response", "event", "control")
"""Flux's types of messages."""

Counts: TypeAlias = dict[str, dict[str, int]]
"""`tx` and `rx`: how many of each type."""


TYPE_OF: Final[Mapping[type[Message], Literal["request", "response"]]] = {
    kind: "response" if kind in (Vote, Applied, Report) else "request" for kind in get_args(Message)
}
"""Of which of Flux's types a message of each class of ours is."""


def type_of(message: Message) -> Literal["request", "response"]:
    """Of which of Flux's types a message of ours is."""
    return TYPE_OF[type(message)]


def nothing_yet() -> Counts:
    """Nothing sent (`tx`) and nothing received (`rx`)."""
    return {way: dict.fromkeys(TYPES, 0) for way in ("tx", "rx")}
