# SPDX-License-Identifier: LGPL-3.0-or-later
"""What modules told is shown to readers, and no nonsense of theirs is."""

import json
from typing import Any

import pytest

from coordinator.api import module_status
from coordinator.core.members import Member, MemberState
from coordinator.core.requests import RuntimeValue, Spec
from coordinator.files.provenance import Provenance
from coordinator.files.reading import Source
from protocol import limits
from protocol.messages import Argument
from protocol.reasons import Origin, Reason, bounded


def member(report: Any, description: Any = None) -> Member:
    found = Member("m", MemberState.RUNNING, 0.0, Spec("m", (("a", "1"),)))
    found.report = report if isinstance(report, str) else json.dumps(report)
    found.description = json.dumps(description or {})
    return found


ODD = {
    "a": 3,
    "b": {"value": 1},
    "c": {"origin": 2},
    "d": {"value": 1, "origin": "x", "pending": 7},
}


@pytest.mark.parametrize(
    "report", ["", "{", "7", "[]", "[" * 100_000, {"values": 3}, {"cut": 1}, {"values": ODD}]
)
def test_nonsense_is_left_out(report: Any) -> None:
    shown = module_status.config(member(report))
    assert (shown["config"], shown["cut"]) == ({}, False)
    assert module_status.pending(member(report)) == []
    assert module_status.places(member(report, {"tables": ["t"]}), Provenance())["config"] == {}


def test_places_take_the_place_of_configuration() -> None:
    text = b"[one]\na = 1\n\n[two]\nb = 2\n"
    provenance = Provenance((Source("f.toml", text, "toml"),))
    values = {
        "a": {"value": 1, "origin": "configuration"},
        "two.b": {"value": 2, "origin": "configuration, in part x", "pending":
                  {"value": 3, "origin": "configuration"}},
        "c": {"value": 3, "origin": "default"},
    }  # fmt: skip
    told = member({"values": values}, {"tables": ["one", "two"], "single": False})
    shown = module_status.places(told, provenance)["config"]
    assert shown["a"]["origin"] == "f.toml:2:1"
    assert shown["two.b"]["origin"] == "f.toml:5:1, in part x"
    assert shown["two.b"]["pending"]["origin"] == "f.toml:5:1"
    assert shown["c"]["origin"] == "default"
    single = member({"values": {"b": values["a"]}}, {"tables": ["two"], "single": True})
    assert module_status.places(single, provenance)["config"]["b"]["origin"] == "f.toml:5:1"


def test_arguments_are_in_the_order_of_their_weight() -> None:
    one = member({})
    one.runtime = {"a": RuntimeValue("2", "set by me")}
    assert one.arguments() == (
        Argument("load argument", "a", "1"),
        Argument("set by me", "a", "2"),
    )
    assert one.arguments({}) == one.arguments()[:1]


def test_origins_count_when_reasons_are_bounded() -> None:
    origin = Origin("x" * limits.SOURCE_LENGTH)
    kept = bounded(Reason("m", "no", ("k",), origin) for _ in range(limits.REASONS_COUNT))
    assert len(kept) * limits.SOURCE_LENGTH < 2 * limits.REASONS_BYTES
    assert "more reasons" in kept[-1].message
