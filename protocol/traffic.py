# SPDX-License-Identifier: LGPL-3.0-or-later
"""How many messages went each way, in the words in which Flux's modules count them.

Flux's message types are request, response, event and control (RFC 3).  Between a coordinator and a
module there are the first two: what answers another message is a response.
"""

from typing import Final, Literal, TypeAlias

from protocol.messages import Applied, Message, Report, Vote

TYPES: Final = ("request", "response", "event", "control")
"""Flux's types of messages."""

ANSWERS: Final = frozenset({Vote, Applied, Report})
"""The messages that answer another one."""

Counts: TypeAlias = dict[str, dict[str, int]]
"""`tx` and `rx`: how many of each type."""


def type_of(message: Message) -> Literal["request", "response"]:
    """Of which of Flux's types a message of ours is."""
    return "response" if type(message) in ANSWERS else "request"


def nothing_yet() -> Counts:
    """Nothing sent (`tx`) and nothing received (`rx`)."""
    return {way: dict.fromkeys(TYPES, 0) for way in ("tx", "rx")}
