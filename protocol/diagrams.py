# SPDX-License-Identifier: LGPL-3.0-or-later
"""Draws the state diagrams of docs/design.md from the tables, so that they cannot lie.

`python -m protocol.diagrams < docs/design.md` prints the page with its diagrams drawn anew; see
https://mermaid.js.org/syntax/stateDiagram.html for the language.
"""

import re
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from protocol.transitions import PARTICIPANT, TRANSACTION, ParticipantState, TransactionState

State = TypeVar("State", bound=StrEnum)
Input = TypeVar("Input", bound=StrEnum)

_PLACE = re.compile(r"<!-- diagram: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def draw(table: Mapping[tuple[State, Input], State], first: State) -> str:
    """The table as a mermaid state diagram; parallel arrows are joined into one."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for (before, given), after in table.items():
        arrows.setdefault((before, after), []).append(str(given))
    lines = ["stateDiagram-v2", f"    [*] --> {first}"]
    for (before, after), labels in arrows.items():
        lines.append(f"    {before} --> {after}: {' / '.join(labels)}")
    ends = {after for after in table.values() if all(after != before for before, _ in table)}
    lines += sorted(f"    {end} --> [*]" for end in ends)
    return "\n".join(lines)


def all_diagrams() -> dict[str, str]:
    """Name of each diagram in docs/design.md and its text."""
    return {
        "transaction": draw(TRANSACTION, TransactionState.GATHERING),
        "participant": draw(PARTICIPANT, ParticipantState.IDLE),
    }


def redraw(page: str) -> str:
    """The page with every diagram drawn from the tables as they are now."""
    diagrams = all_diagrams()

    def drawn(place: re.Match[str]) -> str:
        name = place.group(1)
        return f"<!-- diagram: {name} -->\n```mermaid\n{diagrams[name]}\n```\n<!-- end -->"

    return _PLACE.sub(drawn, page)


if __name__ == "__main__":
    sys.stdout.write(redraw(sys.stdin.read()))
