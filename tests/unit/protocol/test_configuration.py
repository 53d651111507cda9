# SPDX-License-Identifier: LGPL-3.0-or-later
"""The configuration as a value, its keys, and the reasons that speak of them."""

import math
from collections.abc import Mapping
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits
from protocol.configuration import EMPTY, Configuration, Unfit
from protocol.frozen import thaw
from protocol.keys import format_key, parse_key
from protocol.reasons import CUT_MARK, Origin, Reason, bounded, from_json, printable

scalars = st.one_of(
    st.text(max_size=8),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
trees = st.dictionaries(st.text(max_size=5), values, max_size=5)


@given(trees)
def test_what_goes_in_comes_out(tree: dict[str, Any]) -> None:
    configuration = Configuration.of(tree)
    assert configuration.plain() == tree
    assert thaw(configuration.tree) == tree
    assert Configuration.decode(configuration.encoded) == configuration


@given(trees)
def test_the_parts_are_those_of_the_whole(tree: dict[str, Any]) -> None:
    parts = Configuration.of(tree).parts
    assert list(parts) == sorted(tree)
    assert len(parts) == len(tree)
    for name, value in tree.items():
        assert msgpack.unpackb(parts.encoding(name)) == value
        assert thaw(parts[name]) == value
        assert parts[name] is parts[name], "decoded once"
    assert "no such name" not in parts
    assert parts.encoding("no such name") == b""
    with pytest.raises(KeyError):
        parts["no such name"]


def test_what_nobody_looks_at_is_not_decoded() -> None:
    """A participant of a large configuration looks at a table or two; the rest may be anything."""
    whole = Configuration.of({"mine": {"x": 1}, "other": "text"})
    spoilt = whole.encoded.replace(b"text", b"\xff\xff\xff\xff")  # no UTF-8
    parts = Configuration(spoilt).parts
    assert parts["mine"] == {"x": 1}
    with pytest.raises(UnicodeDecodeError):
        parts["other"]


@given(trees)
def test_the_order_of_keys_does_not_matter(tree: dict[str, Any]) -> None:
    backwards = dict(reversed(tree.items()))
    assert Configuration.of(backwards).digest == Configuration.of(tree).digest


@given(trees, trees)
def test_equal_digests_are_equal_content(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = Configuration.of(one).digest == Configuration.of(other).digest
    assert same == (
        msgpack.packb(Configuration.of(one).plain())
        == msgpack.packb(Configuration.of(other).plain())
    )


def test_an_integer_is_not_a_real() -> None:
    assert Configuration.of({"a": 1}) != Configuration.of({"a": 1.0})
    assert Configuration.of({"a": 1}) != Configuration.of({"a": True})


def test_the_tree_is_read_only_on_every_level() -> None:
    tree: Any = Configuration.of({"a": {"b": [1, {"c": 2}]}}).tree
    with pytest.raises(TypeError):
        tree["a"]["b"] = 1
    with pytest.raises(TypeError):
        tree["a"]["b"][0] = 1
    with pytest.raises(TypeError):
        tree["a"]["b"][1]["c"] = 1


@pytest.mark.parametrize(
    ("tree", "key"),
    [
        ({"a": {"b": None}}, ("a", "b")),
        ({"a": [1, math.nan]}, ("a", 1)),
        ({"a": math.inf}, ("a",)),
        ({"a": 2**63}, ("a",)),
        ({"a": "\ud800"}, ("a",)),
        ({"a": {1: 2}}, ("a",)),
        ({"a": b"bytes"}, ("a",)),
    ],
)
def test_what_cannot_be_configuration_is_named(tree: dict[str, Any], key: tuple[Any, ...]) -> None:
    with pytest.raises(Unfit) as caught:
        Configuration.of(tree)
    assert caught.value.key == key


def test_nesting_is_bounded() -> None:
    tree: dict[str, Any] = {}
    for _ in range(1000):
        tree = {"a": tree}
    with pytest.raises(Unfit, match="nested deeper"):
        Configuration.of(tree)


def test_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONFIGURATION_BYTES", 100)
    with pytest.raises(Unfit, match="at most 100"):
        Configuration.of({"a": "x" * 200})


@pytest.mark.parametrize(
    "encoded",
    [
        msgpack.packb({"b": 1, "a": 2}),  # not sorted
        b"\x81\xa1a\xd0\x01",  # 1 in two bytes
        b"\x81\xa1a\xc0",  # nil
        b"\x93\x01\x02\x03",  # no table
        b"garbage",
        b"",
    ],
)
def test_other_encodings_are_refused(encoded: bytes) -> None:
    with pytest.raises(Unfit):
        Configuration.decode(encoded)


@pytest.mark.parametrize(
    "path",
    [("none",), ("text", "t"), ("text", 0), ("list", "one"), ("list", 2), ("list", -1),
     ("number", 1), ("number", "1"), ("table", 0), ("table", "out"), ("table", "in", "deep")],
)  # fmt: skip
def test_there_is_nothing_below_a_value_that_is_no_table_and_no_array(
    path: tuple[str | int, ...],
) -> None:
    content = Configuration.of(
        {"text": "text", "list": ["one", "two"], "number": 1, "table": {"in": "deep"}}
    )
    with pytest.raises(KeyError) as raised:
        content.get(path)
    assert raised.value.args == (format_key(path),), "all of it, for people"


def test_get_walks_tables_and_arrays() -> None:
    configuration = Configuration.of({"a": {"b": [1, {"c": "x"}]}})
    assert configuration.get(("a", "b", 1, "c")) == "x"
    assert isinstance(configuration.get(()), Mapping)
    for path in (("a", "x"), ("a", "b", 2), ("a", 0), ("a", "b", "c"), ("a", "b", -1)):
        with pytest.raises(KeyError):
            configuration.get(path)
    assert EMPTY.get(()) == {}


@given(st.lists(st.one_of(st.text(min_size=1), st.integers(0, 99)), min_size=1, max_size=5))
def test_keys_survive_the_trip(parts: list[str | int]) -> None:
    path = tuple(parts)
    assert parse_key(format_key(path)) == path


@pytest.mark.parametrize("text", ["", ".a", "a..b", "a.", "a[", "a[x]", 'a"b"', "[0]x"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="key"):
        parse_key(text)


def test_a_reason_is_one_line() -> None:
    reason = Reason("m\n", "two\nlines\x1b[31m", ("a\tb",), Origin("/f\r", 3, 4))
    assert "\n" not in str(reason)
    assert "\x1b" not in str(reason)
    assert str(reason) == from_json(reason.as_json())
    assert printable("schön · 漢字") == "schön · 漢字"


def test_reasons_are_bounded() -> None:
    many = bounded(Reason("m", "x" * 10_000) for _ in range(5000))
    assert sum(len(reason.message) for reason in many) <= limits.REASONS_BYTES + 100
    assert CUT_MARK in many[0].message
    assert CUT_MARK in many[-1].message
    assert len(bounded(Reason("m", "") for _ in range(5000))) == limits.REASONS_COUNT
    few = (Reason("m", "short", ("a", 1)),)
    assert bounded(few) == few


def test_an_encoding_that_is_too_large_is_not_even_read() -> None:
    largest = b"x" * limits.CONFIGURATION_BYTES
    with pytest.raises(Unfit, match="too large"):
        Configuration.decode(largest + b"x")
    with pytest.raises(Unfit, match="the encoding"):
        Configuration.decode(largest)


def test_equal_ones_are_one_key_and_are_shown_by_their_digest() -> None:
    one, same = Configuration.of({"a": 1}), Configuration.of({"a": 1})
    assert {one: 1, same: 2} == {one: 2}
    assert repr(one) == f"<Configuration {one.digest[:12]} {len(one.encoded)} bytes>"
    assert one != one.digest


def test_what_is_too_deep_is_named_by_the_beginning_of_its_key() -> None:
    tree: dict[str, Any] = {}
    for _ in range(limits.CONFIGURATION_DEPTH):
        tree = {"k": tree}
    with pytest.raises(Unfit, match="nested deeper") as raised:
        Configuration.of(tree)
    assert raised.value.key == ("k",) * 8
    Configuration.of(tree["k"])
