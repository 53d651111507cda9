# SPDX-License-Identifier: LGPL-3.0-or-later
"""Draws a table of transitions as a state diagram, and puts it in its place on a page.

See https://mermaid.js.org/syntax/stateDiagram.html for the language.  Which tables are drawn is
listed in coordinator/core/diagrams.py.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

State = TypeVar("State", bound=StrEnum)
Input = TypeVar("Input", bound=StrEnum)

_PLACE = re.compile(r"<!-- diagram: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def draw(table: Mapping[tuple[State, Input], State], *begins: State) -> str:
    """The table as a mermaid state diagram; parallel arrows are joined into one."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for (before, given), after in table.items():
        arrows.setdefault((before, after), []).append(str(given))
    lines = ["stateDiagram-v2", *(f"    [*] --> {first}" for first in begins)]
    for (before, after), labels in arrows.items():
        lines.append(f"    {before} --> {after}: {' / '.join(labels)}")
    ends = {after for after in table.values() if all(after != before for before, _ in table)}
    lines += sorted(f"    {end} --> [*]" for end in ends)
    return "\n".join(lines)


def redraw(page: str, diagrams: Mapping[str, str]) -> str:
    """The page with each of its diagrams replaced by the one of that name.

    Raises KeyError where the page has a diagram that is not among `diagrams`.
    """

    def drawn(place: re.Match[str]) -> str:
        name = place.group(1)
        return f"<!-- diagram: {name} -->\n```mermaid\n{diagrams[name]}\n```\n<!-- end -->"

    return _PLACE.sub(drawn, page)
