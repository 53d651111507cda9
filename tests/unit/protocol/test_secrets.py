# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which paths are secret, as a description says it; what is malformed hides nothing else."""

from typing import Any

import pytest

from protocol.secrets import from_description


@pytest.mark.parametrize(
    ("told", "patterns"),
    [
        ([["pump", "password"], ["users", "*"]], (("pump", "password"), ("users", "*"))),
        ([["pump"], [], "pump", [1], None, ["a", 2]], (("pump",),)),
        ([], ()),
        (None, ()),
        ({"pump": "password"}, ()),
    ],
)
def test_paths_are_taken_and_the_rest_is_passed_over(
    told: Any, patterns: tuple[tuple[str, ...], ...]
) -> None:
    assert from_description(told) == patterns
