# SPDX-License-Identifier: LGPL-3.0-or-later
"""Edits and differences, as values: no broker, no files."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.comparison.differences import differences
from coordinator.core.edit import TYPE_UNKNOWN, Edit, kind_of
from coordinator.core.typed_text import KINDS
from protocol import limits
from protocol.configuration import EMPTY, Configuration, Unfit

BASE = Configuration.of(
    {"a": {"s": "text", "i": 1, "r": 1.5, "b": True, "o": {"x": 1}, "l": [1, 2]}, "z": {}}
)


def after(key: tuple[str | int, ...], text: str, kind: str | None = None) -> Any:
    changed = Edit(key, text, kind).applied_to(BASE)
    assert Configuration.decode(changed.encoded) == changed, "canonical, whatever was edited"
    return Configuration.of(changed.plain()).get(key)


def why_not(key: tuple[str | int, ...], text: str, kind: str | None = None) -> str:
    with pytest.raises(Unfit) as caught:
        Edit(key, text, kind).applied_to(BASE)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "bare words", "bare words"),
        ("string", '"quoted \\u00e9"', "quoted é"),
        ("string", '"broken', '"broken'),
        ("string", "12", "12"),
        ("string", "", ""),
        ("integer", "12", 12),
        ("integer", "-12", -12),
        ("integer", "+7", 7),
        ("integer", " 7", 7),
        ("integer", "0x1F", 31),
        ("integer", "-0x10", -16),
        ("integer", "017", 15),
        ("integer", "0", 0),
        ("real", "1", 1.0),
        ("real", "1e3", 1000.0),
        ("real", "-0.5", -0.5),
        ("real", "0x1p4", 16.0),
        ("boolean", "true", True),
        ("boolean", "yes", True),
        ("boolean", "1", True),
        ("boolean", "false", False),
        ("boolean", "Fnord", False),
        ("boolean", "0", False),
        ("boolean", "00", False),
        ("boolean", "", False),
        ("object", '{"b":1,"a":{"y":2,"x":3}}', {"a": {"x": 3, "y": 2}, "b": 1}),
        ("array", "[1,[2]]", (1, (2,))),
        ("any", "1.0", 1.0),
        ("any", '"s"', "s"),
        ("fsd", "1.5m", "1.5m"),
        ("fsd", '"2s"', "2s"),
    ],
)
def test_a_text_means_what_its_type_says(kind: str, text: str, value: Any) -> None:
    found = after(("new", "key"), text, kind)
    assert found == value
    assert kind_of(found) == kind_of(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", ""), ("integer", "1.0"), ("integer", "0x"), ("integer", "08"),
        ("integer", "1_000"), ("integer", "9" * 19), ("integer", "9" * 5000), ("integer", "٣"),
        ("real", ""), ("real", "inf"), ("real", "nan"), ("real", "1e999"), ("real", "1,5"),
        ("object", "[]"), ("object", "{"), ("object", '{"a":null}'), ("object", '{"a":1,"a":2}'),
        ("array", "{}"), ("array", "[NaN]"), ("array", "[" * 1000 + "]" * 1000),
        ("array", "[" * 100000), ("any", "bare"), ("any", "null"), ("fsd", "1 parsec"),
        ("string", '"\\ud800"'),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused(kind: str, text: str) -> None:
    assert why_not(("new",), text, kind)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [("s", "0x10", "0x10"), ("i", "0x10", 16), ("r", "2", 2.0), ("b", "0", False),
     ("o", '{"y":1}', {"y": 1}), ("l", "[]", ())],
)  # fmt: skip
def test_the_type_is_that_of_the_value_replaced(key: str, text: str, value: Any) -> None:
    found = after(("a", key), text)
    assert found == value
    assert type(found) is type(value) or kind_of(found) == kind_of(value)


def test_without_a_value_there_is_no_type() -> None:
    assert why_not(("a", "new"), "1") == TYPE_UNKNOWN


def test_an_element_of_an_array_can_be_set_where_there_is_one() -> None:
    assert after(("a", "l", 1), "5") == 5
    assert "no such element" in why_not(("a", "l", 2), "5", "integer")
    assert "no such element" in why_not(("a", 0), "5", "integer")


def test_the_element_that_is_not_there_is_named_and_not_what_was_to_be_in_it() -> None:
    with pytest.raises(Unfit, match="no such element") as caught:
        Edit(("l", 7, "deep"), "5", "integer").applied_to(Configuration.of({"l": [1]}))
    assert caught.value.key == ("l", 7)


def test_nothing_is_set_inside_of_what_is_no_table() -> None:
    assert why_not(("a", "s", "x"), "1", "integer").startswith("a.s: is not a table")
    assert "is not a table" in why_not(("a", "l", "x"), "1", "integer")


def test_a_key_deeper_than_a_configuration_goes_is_refused() -> None:
    assert "nested deeper" in why_not(("k",) * (limits.CONFIGURATION_DEPTH + 1), "1", "integer")


def test_a_value_larger_than_a_configuration_is_refused() -> None:
    assert "bytes" in why_not(("big",), "x" * (limits.CONFIGURATION_BYTES + 1), "string")


@pytest.mark.parametrize("key", [("a", "none"), ("none", "none"), ("a", "s", "x"), ("a", "l", 9)])
def test_unset_of_what_is_not_there_changes_nothing(key: tuple[str | int, ...]) -> None:
    assert Edit(key, None).applied_to(BASE) is BASE


def test_unset_takes_away_one_key_and_leaves_its_table() -> None:
    changed = Edit(("a", "o", "x"), None).applied_to(BASE)
    assert [difference.as_json() for difference in differences(BASE, changed)] == [
        {"key": "a.o.x", "old": 1}
    ]
    assert changed.get(("a", "o")) == {}


keys = st.lists(st.sampled_from("abcde"), min_size=1, max_size=4).map(tuple)


@given(st.lists(st.tuples(keys, st.integers(-9, 9)), max_size=12))
def test_edits_give_what_a_plain_dict_would_give(edits: list[tuple[tuple[str, ...], int]]) -> None:
    configuration, model = EMPTY, dict[str, Any]()
    for key, number in edits:
        place: Any = model
        possible = True
        for step in key[:-1]:
            place = place.setdefault(step, {}) if isinstance(place, dict) else place
            possible = possible and isinstance(place, dict)
        try:
            configuration = Edit(key, str(number), "integer").applied_to(configuration)
        except Unfit:
            assert not possible
            return
        assert possible
        place[key[-1]] = number
        assert configuration == Configuration.of(model)


def test_every_type_can_be_named() -> None:
    assert {"string", "integer", "real", "boolean", "object", "array", "any", "fsd"} == KINDS


def test_differences_are_told_key_by_key() -> None:
    old = Configuration.of({"t": {"same": 1, "less": 1, "kind": 1}, "gone": {"x": {"y": 1}}})
    new = Configuration.of({"t": {"same": 1, "more": [1], "kind": 1.0}, "made": {}})
    found = {
        difference.as_json()["key"]: difference.as_json() for difference in differences(old, new)
    }
    assert found == {
        "gone.x.y": {"key": "gone.x.y", "old": 1},
        "t.kind": {"key": "t.kind", "old": 1, "new": 1.0},
        "t.less": {"key": "t.less", "old": 1},
        "t.more": {"key": "t.more", "new": [1]},
        "made": {"key": "made", "new": {}},
    }
    assert type(found["t.kind"]["new"]) is float


def test_a_table_in_place_of_a_value_is_one_difference() -> None:
    old, new = Configuration.of({"a": 1}), Configuration.of({"a": {"b": 2}})
    assert [difference.as_json() for difference in differences(old, new)] == [
        {"key": "a", "old": 1, "new": {"b": 2}}
    ]
