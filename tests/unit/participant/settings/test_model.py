# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where pydantic's errors are about: keys as they are written, whatever they are called."""

from typing import Any

import pytest

from participant import FSD, Field
from participant.loader import load
from participant.settings.model import Settings, read_table
from protocol.keys import format_key
from protocol.reasons import Refusal


class Item(Settings):
    """An element."""

    size: int = Field(description="how much")


class Table(Settings):
    """Has all that errors can be in."""

    by_name: dict[str, Item] = Field(default_factory=dict)
    items: list[Item] = Field(default_factory=list)
    either: int | str | list[Item] | None = None
    item_or_text: Item | str = "x"
    wait: FSD = Field("1s")


def keys(value: Any, model: type[Settings] = Table) -> list[str]:
    found = read_table(model, value, ("t",), "m")
    assert isinstance(found, Refusal)
    return [format_key(reason.key) for reason in found.reasons]


@pytest.mark.parametrize("name", ["int", "str", "a(b)", "x]", "[key]", "float", "model", "a.b"])
def test_keys_that_look_like_branches_of_unions(name: str) -> None:
    key = format_key((name,))
    assert keys({"by-name": {name: {"size": "1"}}}) == [f"t.by-name.{key}.size"]
    assert keys({"by-name": {name: {}}}) == [f"t.by-name.{key}.size"]
    assert keys({"by-name": {name: 3}}) == [f"t.by-name.{key}"]
    assert keys({name: 1}) == [f"t.{key}"]


def test_branches_are_no_keys() -> None:
    assert set(keys({"either": 1.5})) == {"t.either"}
    assert set(keys({"either": [{"size": "x"}]})) == {"t.either", "t.either[0].size"}
    assert set(keys({"item-or-text": {"size": "x"}})) == {"t.item-or-text.size", "t.item-or-text"}
    assert set(keys({"item-or-text": {}})) == {"t.item-or-text.size", "t.item-or-text"}


def test_elements_and_missing_keys() -> None:
    assert keys({"items": [{"size": 1}, {}, {"size": True}]}) == [
        "t.items[1].size",
        "t.items[2].size",
    ]
    assert keys({"items": 3, "wait": 3}) == ["t.items", "t.wait"]
    assert keys(7) == ["t"]


def test_a_default_that_is_none_is_told_under_its_key() -> None:
    class BadRequest(Settings):
        pace: FSD = Field("soon")

    assert keys({}, BadRequest) == ["t.pace"]


def test_a_queue_may_be_called_int() -> None:
    module = load("job-manager")()
    from protocol.configuration import Configuration

    found = module.judge(Configuration.of({"queues": {"int": {"parent": 3}, "str": {"x": 1}}}))
    assert isinstance(found, Refusal)
    assert [format_key(reason.key) for reason in found.reasons] == [
        "queues.int.parent",
        "queues.str.x",
    ]
