# SPDX-License-Identifier: LGPL-3.0-or-later
"""What `flux module stats` prints, by the rules of flux-core's."""

from typing import Any

import pytest

from cli.client import Trouble
from cli.commands.module.stats import part, shown

TOLD = {"n": 3, "x": 1.5, "in": {"list": [1, {"deep": True}]}, "s": "text"}


@pytest.mark.parametrize(
    ("told", "kind", "scale", "printed"),
    [
        (3, None, 1.0, "3"),
        (3, None, 2.5, "7"),
        (3, "double", 1.0, "3"),
        ("text", "double", 1.0, "0.000000"),
        (2.5, None, 1.0, "2.500000"),
        (2.9, "int", 1.0, "2"),
        (2.9, "int", 1e6, "2900000"),
        ("text", None, 3.0, '"text"'),
        ("text", "int", 1.0, "0"),
        (True, None, 1.0, "true"),
        ({"a": 1}, None, 1.0, '{\n "a": 1\n}'),
    ],
)
def test_what_is_printed(told: Any, kind: str | None, scale: float, printed: str) -> None:
    assert shown(told, kind, scale) == printed


def test_parts() -> None:
    assert part(TOLD, None) is TOLD
    assert part(TOLD, "n") == 3
    assert part(TOLD, "in.list.1.deep") is True
    for path in ("m", "n.x", "in.list.2", "in.list.x", "s.0"):
        with pytest.raises(Trouble, match="not found in response"):
            part(TOLD, path)
