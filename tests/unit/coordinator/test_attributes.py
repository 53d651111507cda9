# SPDX-License-Identifier: LGPL-3.0-or-later
"""The table of attributes, and what it lets be set; docs/attributes.md says the same."""

import re
from pathlib import Path

import pytest

from coordinator.attributes import (
    NOT_HERE,
    NOTES,
    TABLE,
    Attribute,
    BadAttribute,
    Settable,
    at_runtime,
    at_start,
    listed,
)

PAGE = (Path(__file__).parents[3] / "docs" / "attributes.md").read_text()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("ststedir=/x", "ststedir: unknown attribute; did you mean statedir?"),
        ("mine=1", "mine: unknown attribute"),
        ("rank=7", "rank: attribute may not be set on the command line"),
        ("config.path=/x", "give the path with -c"),
        ("local-uri=ssh://x", "local-uri=ssh://x: expected local:///DIRECTORY/local"),
        ("local-uri=local:///run/flux/local-0", "expected local:///DIRECTORY/local"),
        ("log-stderr-level=99", "invalid level"),
        ("log-stderr-level=x", "invalid level"),
        ("log-ring-size=0", "expected a number from 1"),
        ("config.history=1", "expected a number from 2"),
        ("config.history=٣", "expected a number from 2"),
        ("broker.rc1_path=/etc/flux/rc1", "expected nothing"),
        ("broker.rc2_none=yes", "expected 0 or 1"),
        ("broker.module-nopanic=0", "expected 1"),
        ("statedir", "statedir: expected a value (directory)"),
        ("statedir=", "expected the path of a directory"),
        ("=x", "expected NAME=VALUE"),
        ("", "expected NAME=VALUE"),
        ("tbon.topo=kary:2", "an attribute of flux-core that is not here: there is one broker"),
        ("broker.quorum=1", "an attribute of flux-core that is not here: there is one broker"),
        ("test.=x", "unknown attribute"),
        (f"test.{'x' * 500}=1", "unknown attribute"),
        (f"test.x={'x' * 5000}", "longer than 4096 characters"),
    ],
)
def test_what_is_refused_at_the_start(given: str, told: str) -> None:
    with pytest.raises(BadAttribute) as refused:
        at_start(given)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("broker.rc2_none", ("broker.rc2_none", "1")),
        ("broker.rc2_none=0", ("broker.rc2_none", "0")),
        ("broker.rc1_path=", ("broker.rc1_path", "")),
        ("log-stderr-level=007", ("log-stderr-level", "7")),
        ("log-stderr-level=-1", ("log-stderr-level", "-1")),
        ("statedir=/a=b", ("statedir", "/a=b")),
        ("local-uri=local:///run/flux/local", ("local-uri", "local:///run/flux/local")),
        ("test.mine=", ("test.mine", "")),
    ],
)
def test_what_is_taken_at_the_start(given: str, taken: tuple[str, str]) -> None:
    assert at_start(given) == taken


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_only_what_may_be_set_at_any_time_is_set_later(row: Attribute) -> None:
    name, settable = row.name, row.settable
    if settable is Settable.RUNTIME:
        assert at_runtime(name, "3") == "3"
        return
    with pytest.raises(BadAttribute, match="attribute may not be updated"):
        at_runtime(name, "1")
    if settable is Settable.NEVER or name in ("rundir", "statedir", "local-uri"):
        with pytest.raises(BadAttribute):
            at_runtime(name, "1", force=True)


def test_notes_are_what_is_free() -> None:
    assert at_runtime("test.my note", "a b") == "a b"
    with pytest.raises(BadAttribute, match="unknown attribute"):
        at_runtime("my note", "a b")
    assert at_runtime("config.history", "7", force=True) == "7"


def test_what_is_listed_is_what_the_table_says() -> None:
    shown = listed(["log-stderr-level", "test.x", "rank"])
    assert shown["log-stderr-level"]["settable"] == "at any time"
    assert shown["rank"]["settable"] == "never"
    assert shown["test.x"]["description"] == NOTES.doc


def test_the_page_is_the_table() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    expected = [
        (row.name, row.type, str(row.settable), row.default, row.doc) for row in (*TABLE, NOTES)
    ]
    assert rows == expected


def test_the_page_has_what_is_not_here() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]*) \|$", PAGE, re.MULTILINE)
    assert dict(rows) == {**NOT_HERE, "tbon.*": NOT_HERE["broker.quorum"]}


def test_every_attribute_of_flux_core_is_known_or_refused_by_name() -> None:
    """By the names in the table of flux-core 0.88 (src/broker/attr.c)."""
    names = (Path(__file__).parents[2] / "conformance" / "data" / "attributes.txt").read_text()
    ours = {row.name for row in TABLE}
    for name in names.split():
        assert name in ours or name in NOT_HERE or name.startswith("tbon."), name
