# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which paths are secret, as a description says it; what is malformed hides nothing else."""

from typing import Any

import pytest

from protocol.secrets import MASK, from_description, scrubbed


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


def test_a_name_is_scrubbed_like_a_value() -> None:
    shown = scrubbed({"by hunter2": 1, 70421: {"hunter2": [None]}, None: 2}, {"hunter2", "70421"})
    assert shown == {f"by {MASK}": 1, MASK: {MASK: [None]}, None: 2}
