# SPDX-License-Identifier: LGPL-3.0-or-later
"""The mutants that may survive, each with the reason: `survivors.toml` beside this file.

An entry is found by what it changes, not by the number of its line, so that it outlives edits.
"""

import tomllib
from pathlib import Path
from typing import NamedTuple

from tests.mutation.sample import Text

LIST = Path(__file__).with_name("survivors.toml")


class Survivor(NamedTuple):
    """One that is allowed, and why no test could or should notice it."""

    path: str
    text: Text
    why: str


def survivors() -> dict[tuple[str, Text], Survivor]:
    """All of them, by the file and what is changed."""
    entries = tomllib.loads(LIST.read_text(encoding="utf-8")).get("survivor", [])
    found = [
        Survivor(entry["path"], Text(entry["was"], entry["becomes"]), entry["why"])
        for entry in entries
    ]
    return {(entry.path, entry.text): entry for entry in found}
