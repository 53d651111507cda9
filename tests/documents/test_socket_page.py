# SPDX-License-Identifier: LGPL-3.0-or-later
"""docs/socket.md has every request that the broker serves, each field, and who may ask."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "socket.md").read_text()
REQUESTS = PAGE.partition("\n## Requests\n")[2].partition("\n|---")[2]
API = [file.read_text() for file in sorted((ROOT / "coordinator" / "api").glob("*.py"))]
_READER = r"(?:text|raw_text|texts|pairs|count|flag|generation|seconds)"


def served() -> dict[str, str]:
    """The kind of every request, as the tables in the code have it."""
    ops = {}
    for file in API:
        for op, kind in re.findall(r'"([a-z-]+)": TableEntry\(Kind\.([A-Z]+),', file):
            ops[op] = kind.lower()
        for op in re.findall(r'"([a-z-]+)": self\._[a-z_]+,$', file, re.MULTILINE):
            ops[op] = "change"
    return ops


def read_fields() -> set[str]:
    """The names of the fields that the code looks for in a request."""
    patterns = (
        rf'\b{_READER}\(request, "(\w+)"',
        r'\brequest\.get\("(\w+)"',
        r'"(\w+)" in request',
    )
    return {name for file in API for pattern in patterns for name in re.findall(pattern, file)}


def test_the_page_has_the_requests_that_are_served() -> None:
    assert len(served()) > 25
    assert dict(re.findall(r"^\| `([a-z-]+)` \| (\w+) \|", REQUESTS, re.MULTILINE)) == served()


def test_the_page_has_every_field() -> None:
    assert len(read_fields()) > 12
    assert {name for name in read_fields() if f"`{name}`" not in PAGE} == set()
