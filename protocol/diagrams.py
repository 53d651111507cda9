"""Draws the state diagrams of docs/design.md from the tables, so that they cannot lie.

`python -m protocol.diagrams` prints them; see https://mermaid.js.org/syntax/stateDiagram.html.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from protocol.tables import CHANGE, PARTICIPANT, Change, Participation

State = TypeVar("State", bound=StrEnum)
Input = TypeVar("Input", bound=StrEnum)


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
        "transaction": draw(CHANGE, Change.GATHERING),
        "participant": draw(PARTICIPANT, Participation.IDLE),
    }


if __name__ == "__main__":
    for name, text in all_diagrams().items():
        print(f"<!-- {name} -->\n```mermaid\n{text}\n```\n")
