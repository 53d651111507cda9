# SPDX-License-Identifier: LGPL-3.0-or-later
"""What happened, kept as it happens and put into words only when somebody wants to read it."""

import hashlib
from typing import Any, NamedTuple

from protocol.codec import decode_from_coordinator
from protocol.messages import (
    Abort,
    Admit,
    Applied,
    Commit,
    Join,
    Leave,
    Prepare,
    Refuse,
    Shutdown,
    Vote,
)


class Frame(NamedTuple):
    """A message of a coordinator on a link; decoded when somebody reads the story."""

    encoded: bytes


class Trace:
    """Lines of (moment, template, values).  Values must be immutable: they are formatted late."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, str, tuple[Any, ...]]] = []

    def tell(self, moment: float, template: str, *values: Any) -> None:
        """Add a line."""
        self.lines.append((moment, template, values))

    def text(self) -> list[str]:
        """All lines, in words."""
        return [
            f"{moment:9.3f}  {template.format(*(words(value) for value in values))}"
            for moment, template, values in self.lines
        ]

    def digest(self) -> str:
        """Equal for equal stories, on any machine."""
        return hashlib.sha256("\n".join(self.text()).encode()).hexdigest()


def words(value: Any) -> str:
    """A message, or anything else, in few words."""
    match value:
        case Join(epoch=epoch, generation=generation, in_doubt=in_doubt):
            doubt = f", in doubt of {in_doubt}" if in_doubt else ""
            return f"Join (runs generation {generation}, obeyed epoch {epoch}{doubt})"
        case Vote(txid=txid, yes=yes):
            return f"Vote {'yes' if yes else 'no'} on {txid}"
        case Applied(generation=generation, ok=ok):
            return f"Applied generation {generation}" if ok else f"NOT applied {generation}"
        case Leave():
            return "Leave"
        case Admit(epoch=epoch, generation=generation):
            return f"Admit to generation {generation} (epoch {epoch})"
        case Prepare(txid=txid, base=base, dry_run=dry):
            return f"Prepare {txid} on base {base}" + (" (dry run)" if dry else "")
        case Commit(txid=txid, generation=generation):
            return f"Commit {txid} as generation {generation}"
        case Abort(txid=txid):
            return f"Abort {txid}"
        case Refuse(why=why):
            return f"Refuse ({why})"
        case Shutdown():
            return "Shutdown"
        case Frame(encoded):
            return words(decode_from_coordinator(encoded))
        case float():
            return f"{value:.3f}"
        case _:
            return str(value)
