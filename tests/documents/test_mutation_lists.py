# SPDX-License-Identifier: LGPL-3.0-or-later
"""The lists of `make mutants` speak of the code as it is."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def _entries(name: str, table: str) -> list[dict[str, Any]]:
    text = (ROOT / "tests" / "mutation" / name).read_text()
    found: list[dict[str, Any]] = tomllib.loads(text).get(table, [])
    return found


@pytest.mark.parametrize(
    "fault", _entries("planted.toml", "fault"), ids=lambda fault: fault["name"]
)
def test_a_planted_fault_has_its_place(fault: dict[str, Any]) -> None:
    assert (ROOT / fault["path"]).read_text().count(fault["was"]) == 1
    assert fault["was"] != fault["becomes"]


def test_each_survivor_is_there_and_has_its_reason() -> None:
    for entry in _entries("survivors.toml", "survivor"):
        code = " ".join((ROOT / entry["path"]).read_text().split())
        for line in entry["was"].split(" / "):
            assert " ".join(line.split()) in code, entry
        assert entry["why"]
