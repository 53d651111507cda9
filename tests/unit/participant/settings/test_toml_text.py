# SPDX-License-Identifier: LGPL-3.0-or-later
"""Values written as TOML."""

import tomllib
from typing import Any

import pytest

from participant.settings.toml_text import toml_value


@pytest.mark.parametrize(
    "value",
    ["", 'a"b\\c\n\t\x7f\u0001é😀', 0, -5, 2**62, 1.5, 1e300, True, [], [1, "a", [True]], {},
     {"a b": {"c": 1}, "": 2, "d": [{"e": "f"}]}],
)  # fmt: skip
def test_values_are_written_as_toml(value: Any) -> None:
    assert tomllib.loads(f"x = {toml_value(value)}")["x"] == value


def test_toml_has_no_word_for_nothing() -> None:
    with pytest.raises(TypeError):
        toml_value(None)
