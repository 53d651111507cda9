# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every key is found where it was written, in any style of TOML and in JSON, after any merge."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from coordinator.files import positions
from coordinator.files.parsing import merge
from coordinator.files.positions import find_position, forget, line_and_column
from coordinator.files.reading import Source
from protocol import limits
from protocol.keys import Path
from protocol.reasons import Origin
from tests.support.examples import examples

Place = tuple[int, int]


def toml(text: str, name: str = "f.toml") -> Source:
    return Source(name, text.encode(), "toml")


def json_source(text: str, name: str = "f.json") -> Source:
    return Source(name, text.encode(), "json")


CASES: list[tuple[str, str, Path, Place | None]] = [
    ("bare key", "a = 1\nb = 2\n", ("b",), (2, 1)),
    ("spaces before the key", "  \t a = 1", ("a",), (1, 5)),
    ("basic quoted", '"a b" = 1', ("a b",), (1, 1)),
    ("literal quoted", "x = 1\n'a \"b' = 1", ('a "b',), (2, 1)),
    ("escapes in a key", r'"a\tb\u00E9\"" = 1', ('a\tbé"',), (1, 1)),
    ("empty key", '"" = 1', ("",), (1, 1)),
    ("key like a number", "3.14 = 1", ("3", "14"), (1, 3)),
    ("dotted, its first part", "a.b.c = 1", ("a",), (1, 1)),
    ("dotted, its middle", "a.b.c = 1", ("a", "b"), (1, 3)),
    ("dotted, its last", "a . b. 'c' = 1", ("a", "b", "c"), (1, 8)),
    ("second of two dotted", "a.b = 1\na.c = 2", ("a", "c"), (2, 3)),
    ("parent of two dotted", "x = 0\na.b = 1\na.c = 2", ("a",), (2, 1)),
    ("header", "[a]\nb = 1", ("a",), (1, 2)),
    ("below a header", "[a]\nb = 1", ("a", "b"), (2, 1)),
    ("dotted header", "[ a . 'b' ]\nc = 1", ("a", "b"), (1, 7)),
    ("below a dotted header", "[a.b]\nc.d = 1", ("a", "b", "c", "d"), (2, 3)),
    ("own header after a passing one", "[a.b]\n[a]\nx = 1", ("a",), (2, 2)),
    ("own header before", "[a]\n[a.b]", ("a",), (1, 2)),
    ("dotted before a deeper header", "[a]\nb.c = 1\n[a.b.d]\n", ("a", "b"), (2, 1)),
    ("below that deeper header", "[a]\nb.c = 1\n[a.b.d]\ne = 1", ("a", "b", "d", "e"), (4, 1)),
    ("inline", "a = { b = 1, c = 2 }", ("a", "c"), (1, 14)),
    ("nested inline", "a = {b = {c.d = 1}}", ("a", "b", "c", "d"), (1, 13)),
    ("array", "a = [1, 2]", ("a",), (1, 1)),
    ("element", "a = [1, 2]", ("a", 1), (1, 9)),
    ("element behind a comment", "a = [1, # one, [\n  2]", ("a", 1), (2, 3)),
    ("element of an element", "a = [[1], [2, 3]]", ("a", 1, 1), (1, 15)),
    ("inline in array", "a = [{b = 1}, {b = 2}]", ("a", 1, "b"), (1, 16)),
    ("array of tables", "[[a]]\n[[a]]", ("a",), (1, 3)),
    ("its second", "[[a]]\n[[a]]", ("a", 1), (2, 3)),
    ("key in its second", "[[a]]\nx=1\n[[a]]\nx=2", ("a", 1, "x"), (4, 1)),
    ("table of the last", "[[a]]\n[[a]]\n[a.b]\nc=1", ("a", 1, "b", "c"), (4, 1)),
    ("not of the first", "[[a]]\n[[a]]\n[a.b]\nc=1", ("a", 0, "b", "c"), (1, 3)),
    (
        "array in array",
        "[[a]]\n[[a.b]]\n[[a]]\n[[a.b]]\n[[a.b]]\nc=1",
        ("a", 1, "b", 1, "c"),
        (6, 1),
    ),
    ("carriage returns", "[a]\r\nb = 1\r\nc = [1,\r\n 2]\r\n", ("a", "c", 1), (4, 2)),
    ("non-ASCII before, on the line", "a = {'é😀' = 1, b = 2}", ("a", "b"), (1, 16)),
    ("after a multi-line string", 'a = """\n[x]\nb = 1\n"""\nb = 2', ("b",), (5, 1)),
    ("quotes at a string's end", "a = '''x'''''\nb = 2", ("b",), (2, 1)),
    ("missing key: its table", "[a]\nb = 1", ("a", "c"), (1, 2)),
    ("missing far below", "[a]\nb = 1", ("a", "c", 3, "d"), (1, 2)),
    ("below a scalar", "[a]\nb = 1", ("a", "b", "c"), (2, 1)),
    ("index past the end", "a = [1]", ("a", 1), (1, 1)),
    ("negative index", "a = [1]", ("a", -1), (1, 1)),
    ("index into a table", "[a]\nb = 1", ("a", 0), (1, 2)),
    ("name into an array", "a = [1]", ("a", "0"), (1, 1)),
    ("missing at the top", "a = 1", ("b",), None),
    ("the whole", "a = 1", (), None),
    ("nothing", "", ("a",), None),
    ("a date-time's form", "a = 2025-02-03T04:05:06Z", ("a", "iso-8601-ts"), (1, 1)),
]


@pytest.mark.parametrize(
    ("text", "key", "place"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_places_in_toml(text: str, key: Path, place: Place | None) -> None:
    merge([toml(text)])  # the case is TOML at all
    assert find_position([toml(text)], key) == (Origin("f.toml", *place) if place else None)


JSON_CASES: list[tuple[str, Path, Place | None]] = [
    ('{"a": 1}', ("a",), (1, 2)),
    ('{\n  "a": {"b": [1, {"c": 2}]}\n}', ("a", "b", 1, "c"), (2, 19)),
    ('{"a": [1, "x"]}', ("a", 1), (1, 11)),
    (r'{"\u00e9\"": 1, "é": 2}', ('é"',), (1, 2)),
    ('{"é": 1, "b": 2}', ("b",), (1, 10)),
    ('{"a": {}}', ("a", "b"), (1, 2)),
    ("{}", ("a",), None),
]


@pytest.mark.parametrize(("text", "key", "place"), JSON_CASES)
def test_places_in_json(text: str, key: Path, place: Place | None) -> None:
    assert find_position([json_source(text)], key) == (Origin("f.json", *place) if place else None)


MERGED: list[tuple[str, list[str], Path, tuple[int, int, int] | None]] = [
    ("later scalar", ["a = 1", "x = 1\na = 2"], ("a",), (1, 2, 1)),
    ("only earlier", ["a = 1", "b = 2"], ("a",), (0, 1, 1)),
    ("each its own key", ["[t]\na = 1", "[t]\nb = 1"], ("t", "a"), (0, 2, 1)),
    ("table: who adds last", ["[t]\na = 1", "[t]\nb = 1"], ("t",), (1, 1, 2)),
    ("empty table adds nothing", ["[t]\na = 1", "[t]"], ("t",), (0, 1, 2)),
    ("missing in merged table", ["[t]\na = 1", "[t]\nb = 1"], ("t", "c"), (1, 1, 2)),
    ("all empty: who began", ["[t]", "[t]"], ("t",), (0, 1, 2)),
    ("scalar replaces table", ["[t]\na = 1", "t = 5"], ("t", "a"), (1, 1, 1)),
    ("table replaces scalar", ["t = 5", "[t]\na = 1"], ("t",), (1, 1, 2)),
    ("empty table replaces scalar", ["t = 5", "[t]"], ("t",), (1, 1, 2)),
    ("table after scalar after table", ["t.a = 1", "t = 5", "t.b = 1"], ("t", "a"), (2, 1, 1)),
    ("array replaces whole", ["a = [1, 2]", "a = [3]"], ("a", 1), (1, 1, 1)),
    ("tables of arrays do not merge", ["[[a]]\nx = 1", "[[a]]\ny = 1"], ("a", 0, "x"), (1, 1, 3)),
    ("element of the later", ["[[a]]\nx = 1", "[[a]]\nx = 2"], ("a", 0, "x"), (1, 2, 1)),
]


@pytest.mark.parametrize(
    ("texts", "key", "want"), [c[1:] for c in MERGED], ids=[c[0] for c in MERGED]
)
def test_places_after_merging(
    texts: list[str], key: Path, want: tuple[int, int, int] | None
) -> None:
    files = [toml(text, f"{number}.toml") for number, text in enumerate(texts)]
    merge(files)
    assert find_position(files, key) == (Origin(f"{want[0]}.toml", *want[1:]) if want else None)


def test_languages_mix() -> None:
    files = [json_source('{"t": {"a": 1}}'), toml("[t]\nb = 1")]
    assert find_position(files, ("t", "a")) == Origin("f.json", 1, 8)
    assert find_position(files, ("t", "b")) == Origin("f.toml", 2, 1)


@pytest.mark.parametrize(("offset", "place"), [(0, (1, 1)), (1, (1, 2)), (2, (2, 1)), (4, (3, 1))])
def test_line_and_column(offset: int, place: Place) -> None:
    assert line_and_column("é\nb\nc", offset) == place


def test_one_text_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    readings: list[bytes] = []
    read = positions._read

    def counted(form: Any, text: bytes) -> Any:
        readings.append(text)
        return read(form, text)

    monkeypatch.setattr(positions, "_read", counted)
    forget()
    source = toml("a = 1\n" + "".join(f"b{n} = 1\n" for n in range(100)))
    for number in range(100):
        assert find_position([source], (f"b{number}",)) == Origin("f.toml", number + 2, 1)
    assert len(readings) == 1
    forget()
    find_position([source], ("a",))
    assert len(readings) == 2


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TEXTS_INDEXED_BYTES", 1000)
    forget()
    for number in range(50):
        assert find_position([toml(f"# {'x' * 300}\na{number} = 1")], (f"a{number}",))
    assert sum(len(text) for _, text in positions._indexes._roots) <= 1000


def test_a_thousand_small_texts_are_not_all_kept() -> None:
    """Each index takes twenty times its text, and a broker lives for months."""
    forget()
    for number in range(1000):
        assert find_position([toml(f"x = {number}")], ("x",)) == Origin("f.toml", 1, 1)
    assert len(positions._indexes._roots) <= limits.TEXTS_INDEXED
    many = [toml(f"a{n} = 1", str(n)) for n in range(limits.TEXTS_INDEXED * 2)]
    assert find_position(many, ("a0",)) == Origin("0", 1, 1)
    assert len(positions._indexes._roots) == len(many), "those of one question are read once"


@given(st.binary(), st.lists(st.text() | st.integers(-2, 5)), st.sampled_from(["toml", "json"]))
def test_any_bytes_and_any_key_give_an_answer(text: bytes, key: list[str | int], form: Any) -> None:
    answer = find_position([Source("f", text, form)], tuple(key))
    assert answer is None or answer.source == "f"


# A writer of TOML that knows where it writes each key.

_STRINGS = [
    *("''", "'é#['", "'''x'''''", "'''\n]\n'''", '"a\\"]b"', '"\\u00E9"', '"# no {"'),
    *('"""\n[x]\na = 1 """', '"""a ""\\"" b"""'),
]
_SCALARS = st.one_of(
    st.integers(-9, 10**9).map(str),
    st.sampled_from(["1.5", "-1e3", "0xBEEF", "true", "2025-02-03 04:05:06Z", *_STRINGS]),
)
_NAMES = st.sampled_from(
    ["a", "b", "c-d", "e_1", "7", "é", "x y", "q\"'", "t\tb", "[", "a.b", "", "#"]
)


class Scalar(str):
    """A TOML value as it is written."""


def _grow(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    tables = st.dictionaries(_NAMES, inner, max_size=4)
    return tables | st.lists(inner, max_size=3) | st.lists(tables, min_size=1, max_size=3)


_DOCUMENTS = st.dictionaries(
    _NAMES, st.recursive(_SCALARS.map(Scalar), _grow, max_leaves=12), max_size=5
)


class Writer:
    """Writes a document in styles that `choose` picks and notes where every key stands."""

    def __init__(self, choose: Callable[[list[Any]], Any], newline: str) -> None:
        self.text = ""
        self.choose = choose
        self.newline = newline
        self.places: dict[Path, Place] = {}
        self.passing: set[Path] = set()
        self.last_key: Place = (1, 1)

    def put(self, text: str) -> None:
        self.text += text.replace("\n", self.newline)

    def note(self, path: Path, *, passing: bool = False) -> None:
        """Remember that `path` is written here; a table's own key is better than a passing one."""
        if path not in self.places or (path in self.passing and not passing):
            place = line_and_column(self.text, len(self.text))
            self.places[path] = place
            (self.passing.add if passing else self.passing.discard)(path)

    def name(self, name: str) -> None:
        styles = [json.dumps(name), '"' + "".join(f"\\u{ord(c):04X}" for c in name) + '"']
        if name.isascii() and name.replace("-", "").replace("_", "").isalnum():
            styles.append(name)
        if "'" not in name and "\t" not in name:
            styles.append(f"'{name}'")
        self.put(self.choose(styles))

    def dotted(self, names: list[tuple[str, Path]]) -> None:
        for number, (name, path) in enumerate(names):
            if number:
                self.put(self.choose([".", " .", ". "]))
            self.note(path, passing=number < len(names) - 1)
            self.last_key = line_and_column(self.text, len(self.text))
            self.name(name)

    def blank(self) -> None:
        self.put(self.choose(["", "", " ", "\t"]))

    def end_of_line(self) -> None:
        self.put(self.choose(["\n", "\n", " # é [x] a = {\n", "\n\n", "\n# 'x\n"]))

    def value(self, value: Any, path: Path) -> None:
        if isinstance(value, Scalar):
            self.put(value)
        elif isinstance(value, dict):
            self.inline(value, path)
        else:
            self.put("[")
            for index, element in enumerate(value):
                self.put(self.choose(["", " ", "\n ", " # ], é\n\t"]))
                self.note((*path, index))
                self.value(element, (*path, index))
                self.put(self.choose([",", " ,", "\n,"]) if index < len(value) - 1 else "")
            self.put(self.choose(["]", "\n]", "# x\n]"]))

    def inline(self, table: dict[str, Any], path: Path) -> None:
        self.put("{")
        separator = ""
        for names, value in self.leaves(table, [], path):
            self.put(separator)
            self.blank()
            self.pair(names, value)
            self.blank()
            separator = ","
        self.put("}")

    def pair(self, names: list[tuple[str, Path]], value: Any) -> None:
        self.dotted(names)
        self.put(self.choose(["=", " = ", "  =\t"]))
        self.value(value, names[-1][1])

    def leaves(self, table: dict[str, Any], names: list[tuple[str, Path]], path: Path) -> Any:
        """The pairs that say `table`, some of them with dotted keys."""
        for key, value in table.items():
            here = [*names, (key, (*path, key))]
            if isinstance(value, dict) and value and self.choose([True, False]):
                yield from self.leaves(value, here, (*path, key))
            else:
                yield here, value

    def body(self, table: dict[str, Any], names: list[tuple[str, Path]], path: Path) -> None:
        """The document, or a table with a header of its own; `names` are the parts of that."""
        headed = {k: v for k, v in table.items() if _has_tables(v) and self.choose([True, False])}
        pairs = {k: v for k, v in table.items() if k not in headed}
        orders = ["header first"]
        if headed and names and names[-1][1] == path:  # [name], not [[name]]
            orders += ["header last"] if pairs else ["header last", "no header"]
        order = self.choose(orders)
        if order != "header first":
            self.children(headed, names, path)
        if order != "no header":
            if names:
                self.header(names, path)
            for leaf, value in self.leaves(pairs, [], path):
                self.blank()
                self.pair(leaf, value)
                self.end_of_line()
        if order == "header first":
            self.children(headed, names, path)

    def children(self, tables: dict[str, Any], names: list[tuple[str, Path]], path: Path) -> None:
        for key, value in tables.items():
            here = (*path, key)
            if isinstance(value, dict):
                self.body(value, [*names, (key, here)], here)
            else:
                for index, element in enumerate(value):
                    self.body(element, [*names, (key, here)], (*here, index))

    def header(self, names: list[tuple[str, Path]], path: Path) -> None:
        one_of_many = names[-1][1] != path
        self.blank()
        self.put("[[" if one_of_many else "[")
        self.blank()
        self.dotted(names)
        if one_of_many:
            self.places[path] = self.last_key
        self.blank()
        self.put("]]" if one_of_many else "]")
        self.end_of_line()

    def json_value(self, value: Any, path: Path) -> None:
        if isinstance(value, Scalar):
            self.put(self.choose(["1", "-2.5", "true", '"é\\"]"', '"\\u00e9 {"', '""']))
            return
        table = isinstance(value, dict)
        self.put("{" if table else "[")
        for number, key in enumerate(value if table else range(len(value))):
            self.put(self.choose(["", " ", "\n  "]) if not number else self.choose([",", " ,\n"]))
            self.note((*path, key))
            if table:
                self.put(json.dumps(key, ensure_ascii=self.choose([True, False])))
                self.put(self.choose([":", ": ", "\n:"]))
            self.json_value(value[key], (*path, key))
        self.put("}" if table else "]")


def _has_tables(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(element, dict) for element in value)
    return isinstance(value, dict)


def _meant(value: Any) -> Any:
    if isinstance(value, Scalar):
        return tomli.loads(f"x = {value}")["x"]
    if isinstance(value, dict):
        return {key: _meant(member) for key, member in value.items()}
    return [_meant(element) for element in value]


def _written(data: st.DataObject, name: str) -> tuple[Source, dict[str, Any], dict[Path, Place]]:
    document = data.draw(_DOCUMENTS)
    writer = Writer(lambda styles: data.draw(st.sampled_from(styles)), data.draw(_NEWLINES))
    writer.body(document, [], ())
    assert tomli.loads(writer.text) == _meant(document)
    return toml(writer.text, name), document, writer.places


_NEWLINES = st.sampled_from(["\n", "\r\n"])


@examples(300)
@given(st.data())
def test_every_key_of_a_written_document_is_found(data: st.DataObject) -> None:
    source, _, places = _written(data, "f.toml")
    for path, place in places.items():
        assert find_position([source], path) == Origin("f.toml", *place), (
            path,
            source.text.decode(),
        )


@given(st.data())
def test_every_key_of_written_json_is_found(data: st.DataObject) -> None:
    writer = Writer(lambda styles: data.draw(st.sampled_from(styles)), data.draw(_NEWLINES))
    writer.json_value(data.draw(_DOCUMENTS), ())
    json.loads(writer.text)
    for path, place in writer.places.items():
        assert find_position([json_source(writer.text)], path) == Origin("f.json", *place), path


@examples(150)
@given(st.data())
def test_the_file_that_supplies_a_value_is_found(data: st.DataObject) -> None:
    files = []
    wanted: dict[str, Any] = {}
    origins: dict[Path, Origin] = {}
    for name in ("a.toml", "b.toml", "c.toml"):
        source, document, places = _written(data, name)
        files.append(source)
        _fold(wanted, document, (), lambda path: Origin(name, *places[path]), origins)  # noqa: B023
    for path, origin in origins.items():
        assert find_position(files, path) == origin, (path, [f.text.decode() for f in files])


def _fold(
    into: dict[str, Any],
    table: dict[str, Any],
    path: Path,
    place: Callable[[Path], Origin],
    origins: dict[Path, Origin],
) -> None:
    """Merge as Flux does, and note for every path of the result who supplied it."""
    for key, value in table.items():
        here = (*path, key)
        if isinstance(into.get(key), dict) and isinstance(value, dict):
            if value:
                origins[here] = place(here)
            _fold(into[key], value, here, place, origins)
            continue
        for gone in [old for old in origins if old[: len(here)] == here]:
            del origins[gone]
        origins[here] = place(here)
        into[key] = {} if isinstance(value, dict) else value
        if isinstance(value, dict):
            _fold(into[key], value, here, place, origins)
        elif isinstance(value, list):
            _note_elements(value, here, place, origins)


def _note_elements(
    value: Any, path: Path, place: Callable[[Path], Origin], origins: dict[Path, Origin]
) -> None:
    if isinstance(value, Scalar):
        return
    for step in value if isinstance(value, dict) else range(len(value)):
        origins[(*path, step)] = place((*path, step))
        _note_elements(value[step], (*path, step), place, origins)


@pytest.mark.timeout(60)
def test_a_large_file_is_not_quadratic() -> None:
    tables = "".join(
        f'[queues.q{n}]\nrequires = ["a{n}"]\nlimits = {{ job.size = {n} }}\n[[h]]\nx = {n}\n'
        for n in range(30_000)
    )
    source = toml(tables)
    assert len(source.text) > 2_000_000
    for n in range(0, 30_000, 300):
        key = ("queues", f"q{n}", "limits", "job", "size")
        assert find_position([source], key) == Origin("f.toml", 5 * n + 3, 16)
        assert find_position([source], ("h", n, "x")) == Origin("f.toml", 5 * n + 5, 1)
    forget()
