# SPDX-License-Identifier: LGPL-3.0-or-later
"""The rules of Flux's TOML reader, and the line between TOML 1.0 and 1.1."""

import sys
import tomllib
from typing import Any

import pytest
import tomli
from hypothesis import example, given
from hypothesis import strategies as st

from coordinator.files.flux_toml import (
    faults_of_text,
    faults_of_tree,
    first_deeper,
    refusals,
    timestamp,
)
from coordinator.files.parsing import merge
from coordinator.files.reading import Source, Unreadable
from protocol.keys import Path, format_key
from protocol.reasons import Origin
from tests.support.examples import examples

TEXTS: list[tuple[str, list[tuple[int, str]]]] = [
    ('a = "\\u00e9"', [(5, "capital")]),
    ('a = "\\u00E9 \\U0001F600"', []),
    ('a = "x\\U0001f600"', [(6, "\\U0001F600")]),
    ('"\\u00e9" = 1', [(1, "capital")]),
    ("a = '\\u00e9'", []),
    ("# \\u00e9 \\e {,}\na = 1", []),
    ('a = "\\\\u00e9"', []),
    ('a = """\n\\u00e9"""', [(8, "capital")]),
    ("a = '''\n\\u00e9'''", []),
    ('a = """"\\u00e9"""""', [(8, "capital")]),
    ('a = "\\u00ea\\u00E9\\u00eb"', [(5, "capital"), (17, "capital")]),
    ('a = "\\e"', [(5, "1.1")]),
    ('a = "\\x41"', [(5, "1.1")]),
    ("a = {b = 1,}", [(11, "comma")]),
    ("a = {b = 1, }", [(12, "comma")]),
    ("a = {b = [1,],}", [(14, "comma")]),
    ("a = {b = [1,\n2,\n]}", []),
    ("a = [{b = 1},\n{b = 2},\n]", []),
    ("a = {\nb = 1\n}", [(5, "line break")]),
    ("a = {b = 1, # x\nc = 2}", [(15, "line break")]),
    ("a = {b = [\n{c = 1\n}]}", [(17, "line break")]),
    ("a = {b = '''\n''', c = \"\"\"\n}\"\"\"}", []),
    ("a = '{'\n[b]\n[[c]]\nd = '},}'", []),
    ("a = 12:30", [(4, "seconds")]),
    ("a = 12:30:00", []),
    ("a = 1979-05-27T07:32Z", [(4, "seconds")]),
    ("a = 1979-05-27 07:32", [(15, "seconds")]),
    ("a = 1979-05-27T07:32:00-07:00", []),
    ("a = 1979-05-27T07:32:00.5-07:00", []),
    ("a = [12:30, 12:31:00]", [(5, "seconds")]),
    ("a = '12:30' # 12:30", []),
]


@pytest.mark.parametrize(("text", "wanted"), TEXTS)
def test_faults_of_text(text: str, wanted: list[tuple[int, str]]) -> None:
    tomli.loads(text)  # the rules expect what the parser accepts
    found = sorted(faults_of_text(text))
    assert [offset for offset, _ in found] == [offset for offset, _ in wanted]
    for (_, message), (_, word) in zip(found, wanted, strict=True):
        assert word in message


TREES: list[tuple[str, list[str]]] = [
    ("a = [1, 2]", []),
    ("a = []", []),
    ("a = [1, 2.0]", ["a[1]"]),
    ("a = [1, true]", ["a[1]"]),
    ('a = ["x", "y", 3, 4.0]', ["a[2]"]),
    ("a = [[1], ['x']]", []),
    ("a = [[1], 2]", ["a[1]"]),
    ("a = [{b = 1}, 2]", ["a[1]"]),
    ("a = [{}, []]", ["a[1]"]),
    ("a = [[1, 'x']]", ["a[0][1]"]),
    ("[[t]]\na = [1, 'x']\n[t.u]\nb = [true, 0]", ["t[0].a[1]", "t[0].u.b[1]"]),
    ("a = [1979-05-27T07:32:00Z, 1979-05-27T07:32:00]", []),
    ("a = [1979-05-27T07:32:00Z, 1979-05-27]", ["a[1]"]),
    ("a = [1e1, 0x1]", ["a[1]"]),
]


@pytest.mark.parametrize(("text", "wanted"), TREES)
def test_arrays_of_one_type(text: str, wanted: list[str]) -> None:
    assert [format_key(path) for path, _ in faults_of_tree(tomli.loads(text))] == wanted


def test_refusals_have_their_places() -> None:
    text = '"é" = 1\na = ["é", "\\u00e9", 3]\n'
    source = Source("f.toml", text.encode(), "toml")
    places = [(r.key, r.origin) for r in refusals(source, text, tomli.loads(text))]
    mixed: Path = ("a", 2)
    assert places == [((), Origin("f.toml", 2, 12)), (mixed, Origin("f.toml", 2, 21))]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("2025-02-03T04:05:06Z", "2025-02-03T04:05:06Z"),
        ("2025-02-03 04:05:06.789Z", "2025-02-03T04:05:06Z"),
        ("2025-02-03T04:05:06", "2025-02-03T04:05:06Z"),
        ("2025-02-03T04:05:06+01:00", "2025-02-03T03:05:06Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_timestamps(written: str, shown: str) -> None:
    assert timestamp(tomli.loads(f"a = {written}")["a"]) == {"iso-8601-ts": shown}


@pytest.mark.parametrize(
    ("text", "depth", "offset"),
    [
        ("a = [[[", 2, 6),
        ("a = [[1], [2]]", 2, None),
        ("a = ['[[[[', \"[[[\", # [[[[\n[", 1, 27),
        ('{"a": [{"[[": 1}]}', 2, 7),
        ("]]][", 1, None),
        ("", 0, None),
    ],
)
def test_first_deeper(text: str, depth: int, offset: int | None) -> None:
    assert first_deeper(text, depth) == offset


@given(st.text())
def test_the_scanner_takes_any_text(text: str) -> None:
    list(faults_of_text(text + "{"))
    first_deeper(text, 1)


# Python's own parser knows TOML 1.0 alone (until 3.15), so it can judge where 1.0 ends.

_PIECES = [
    *("a", "b", "'c'", '"d"', "=", ".", ",", "[", "]", "[[", "]]", "{", "}", ",}", ",]", " ", "\t"),
    *(
        "\n",
        "\r\n",
        "# x\n",
        "{\n",
        "\n}",
        "[\n",
        '"',
        '"""',
        "'''",
        "\\",
        "\x01",
        "é",
        '"x"',
        "'y'",
    ),
    *('"\\e"', '"\\x41"', '"\\u00e9"', '"\\u00E9"', "1", "2.5", "true", "inf", "nan", "0x1F"),
    *("99999999999999999999", "12:30", "12:30:01", "1979-05-27", "1979-05-27T12:30", "-07:00", "Z"),
    *(
        "\n[t]\n",
        "\n[[u]]\n",
        "\n[u.v]\n",
        "\na = ",
        "\nb = ",
        "a = 1",
        "b = {",
        "c = [",
        "x.y = 1",
    ),
]
_SCALARS = """1 2.5 true "\\e" "a\\u00e9" '{,}' 12:30 12:30:01 1979-05-27T12:30Z"""
_ARRAY_ENDS = st.sampled_from(["]", "\n]", " # x\n]"])
_TABLE_STARTS = st.sampled_from(["{", "{ ", "{\n"])
_TABLE_ENDS = st.sampled_from(["}", " }", ",}", "\n}", ", # x\n}"])


def _pairs(values: list[str]) -> str:
    return ", ".join(f"k{number} = {value}" for number, value in enumerate(values))


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    some = st.lists(inner, max_size=3)
    arrays = st.builds("[{}{}".format, some.map(", ".join), _ARRAY_ENDS)
    tables = st.builds("{}{}{}".format, _TABLE_STARTS, some.map(_pairs), _TABLE_ENDS)
    return arrays | tables


_VALUES = st.recursive(st.sampled_from(_SCALARS.split()), _grow, max_leaves=6)
_DOCUMENTS = st.one_of(
    st.lists(st.sampled_from(_PIECES), max_size=25).map("".join),
    st.lists(_VALUES.map("a = {}".format), max_size=1).map("\n".join),
)
_OUR_RULES = ("Flux", "finite", "alone", "64 bits", "levels", "years")


@pytest.mark.skipif(sys.version_info >= (3, 15), reason="this Python's parser reads TOML 1.1")
@examples(1500)
@given(_DOCUMENTS)
@example("a = {b = 1,}")
@example('a = "\\e"')
@example("a = 12:30")
def test_exactly_toml_one_point_zero_is_read(text: str) -> None:
    reasons: list[Any] = []
    try:
        merge([Source("f.toml", text.encode(), "toml")])
    except Unreadable as refused:
        reasons = [str(reason) for reason in refused.reasons]
    foreign = [r for r in reasons if not any(word in r for word in _OUR_RULES)]
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assert foreign, "TOML 1.0 does not allow this"
    else:
        assert not foreign, "TOML 1.0 allows this"
