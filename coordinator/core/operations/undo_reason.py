# SPDX-License-Identifier: LGPL-3.0-or-later
"""Why a generation was undone: the message of the generation that took it back, and read again.

Nobody typed it, and it is all that a ledger keeps of the reason.
"""

from protocol import limits


def not_confirmed(generation: int) -> str:
    """The message of the undo of what nobody confirmed."""
    return f"generation {generation} was not confirmed in time"


def not_applied(generation: int, reason: str) -> str:
    """The message of the undo of what a member could not apply, for this reason of its."""
    return f"{_undoes(generation)}{reason}"[: limits.MESSAGE_LENGTH]


def why_undone(generation: int, message: str) -> str:
    """Why it was undone, by the message of the generation that took it back.

    >>> why_undone(4, not_applied(4, "kvs: no space left"))
    'kvs: no space left'
    >>> why_undone(4, not_confirmed(4))
    'nobody confirmed it'
    """
    if not message.startswith(_undoes(generation)):
        return "nobody confirmed it"
    return message.removeprefix(_undoes(generation)) or "a member could not apply it"


def _undoes(generation: int) -> str:
    return f"undoes generation {generation}: "
