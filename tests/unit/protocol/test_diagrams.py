# SPDX-License-Identifier: LGPL-3.0-or-later
"""A table of transitions as a diagram, and its place on a page."""

from enum import StrEnum

import pytest

from protocol.diagrams import draw, redraw


class Door(StrEnum):
    OPEN = "open"
    SHUT = "shut"
    GONE = "gone"


class Hand(StrEnum):
    PUSH = "push"
    KICK = "kick"
    SAW = "saw"


TABLE = {
    (Door.OPEN, Hand.PUSH): Door.SHUT,
    (Door.OPEN, Hand.KICK): Door.SHUT,
    (Door.SHUT, Hand.PUSH): Door.OPEN,
    (Door.SHUT, Hand.SAW): Door.GONE,
}
DRAWN = """stateDiagram-v2
    [*] --> open
    open --> shut: push / kick
    shut --> open: push
    shut --> gone: saw
    gone --> [*]"""


def test_every_step_is_drawn_and_parallel_ones_share_an_arrow() -> None:
    assert draw(TABLE, Door.OPEN) == DRAWN


def test_a_diagram_takes_its_place_on_the_page() -> None:
    page = "before\n<!-- diagram: door -->\n{}<!-- end -->\nafter\n"
    drawn = page.format(f"```mermaid\n{DRAWN}\n```\n")
    assert redraw(page.format(""), {"door": DRAWN, "wall": ""}) == drawn
    assert redraw(drawn, {"door": DRAWN}) == drawn, "and only once"
    with pytest.raises(KeyError):
        redraw(drawn, {})
