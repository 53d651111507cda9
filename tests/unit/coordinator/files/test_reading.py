# SPDX-License-Identifier: LGPL-3.0-or-later
"""Configuration files are read and merged as Flux does it, and nothing stops the reader."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coordinator.files.parsing import merge
from coordinator.files.reading import Source, Unreadable, read_sources
from protocol import limits
from protocol.keys import format_key
from tests.support.examples import examples

CASES = Path(__file__).parents[3] / "conformance" / "data" / "flux-cases.jsonl"
CORPUS = [json.loads(line) for line in CASES.read_text().splitlines()]

DISAGREEMENTS = {
    "toml-037": "a trailing comma in an inline table is no TOML 1.0; Flux takes it",
    "toml-045": "TOML 1.0 forbids to extend an inline table; Flux takes it",
}
"""Cases of the corpus that Flux reads and this does not.  There is none the other way round."""


def toml(text: str | bytes, name: str = "f.toml") -> Source:
    return Source(name, text.encode() if isinstance(text, str) else text, "toml")


def json_source(text: str | bytes, name: str = "f.json") -> Source:
    return Source(name, text.encode() if isinstance(text, str) else text, "json")


def plain(*texts: str) -> dict[str, Any]:
    return merge([toml(text, f"{number}.toml") for number, text in enumerate(texts)]).plain()


def refusals(action: Callable[[], object]) -> list[str]:
    with pytest.raises(Unreadable) as refused:
        action()
    assert {reason.module for reason in refused.value.reasons} == {"config"}
    return [str(reason) for reason in refused.value.reasons]


# What the real thing did


@pytest.mark.parametrize("case", CORPUS, ids=[case["id"] for case in CORPUS])
def test_reads_what_flux_reads(case: dict[str, Any], tmp_path: Path) -> None:
    directory = tmp_path / "conf"
    directory.mkdir()
    for name, text in case.get("files", {"a.toml": case.get("toml")}).items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_bytes(text.encode())
    try:
        got: dict[str, Any] | None = merge(read_sources(str(directory))).plain()
    except Unreadable:
        got = None
    by_the_reader = case["live"] == "reject" and case["live_module"] is None
    assert (got is None) == (by_the_reader or case["id"] in DISAGREEMENTS)
    if case.get("merged") is not None:
        assert got == case["merged"]


def test_every_disagreement_is_a_case() -> None:
    assert set(DISAGREEMENTS) <= {case["id"] for case in CORPUS}


# Merging


@pytest.mark.parametrize(
    ("texts", "merged"),
    [
        ([], {}),
        ([""], {}),
        (["# nothing\n"], {}),
        (["[a]\nb = 1", "[a]\nc = 2"], {"a": {"b": 1, "c": 2}}),
        (["a.b.c = 1", "a.b.d = 2"], {"a": {"b": {"c": 1, "d": 2}}}),
        (["a = [1, 2]", "a = [3]"], {"a": [3]}),
        (["[[a]]\nx = 1", "[[a]]\ny = 1"], {"a": [{"y": 1}]}),
        (["a = 1", "[a]"], {"a": {}}),
        (["[a]\nb = 1", "[a]"], {"a": {"b": 1}}),
        (["[a]\nb = 1", "a = 'x'", "[a]\nc = 1"], {"a": {"c": 1}}),
        (["[a]\nb = 1", "a = []"], {"a": []}),
        (["a = 1", "a = true"], {"a": True}),
    ],
)
def test_merging(texts: list[str], merged: dict[str, Any]) -> None:
    assert plain(*texts) == merged


def test_json_merges_with_toml() -> None:
    files = [json_source('{"a": {"b": [1, "x", 2.5]}}'), toml("a.c = 1")]
    assert merge(files).plain() == {"a": {"b": [1, "x", 2.5], "c": 1}}


def test_date_times_become_what_flux_makes_of_them() -> None:
    shown = {"iso-8601-ts": "2025-02-03T04:05:06Z"}
    assert plain("a = 2025-02-03T04:05:06Z\nb = [2025-02-03 04:05:06]") == {
        "a": shown,
        "b": [shown],
    }


_LEAVES = st.integers(-5, 5) | st.lists(st.integers(0, 3), max_size=2) | st.booleans()


def _shaped(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Trees in which a key that begins with t always holds a table, any other never."""
    return st.fixed_dictionaries({}, optional={"a": _LEAVES, "b": _LEAVES, "t": inner, "tt": inner})


_TREES: st.SearchStrategy[Any] = st.recursive(st.just({}), _shaped, max_leaves=6)


@given(_TREES, _TREES, _TREES)
def test_merging_is_associative_where_shapes_agree(a: Any, b: Any, c: Any) -> None:
    def joined(*trees: Any) -> Any:
        return merge([json_source(json.dumps(tree)) for tree in trees]).plain()

    assert joined(joined(a, b), c) == joined(a, joined(b, c)) == joined(a, b, c)
    assert joined({}, a) == joined(a, {}) == joined(a, a) == joined(a)


# Refusals

BAD_TOML: list[tuple[str | bytes, list[str]]] = [
    ("a = 1\nb = \n", ["config: invalid value (f.toml:2:5)"]),
    ("a = 1\r\nb = yes\r\n", ["config: invalid value (f.toml:2:5)"]),
    ("é", ["config: invalid statement (f.toml:1:1)"]),
    ("a = 1\na = 2", ["config: cannot give a key a second value (f.toml:2:6)"]),
    ('[a."b c"]\n[a."b c"]', ['config: cannot declare a."b c" twice (f.toml:2:9)']),
    ("a.b = 1\n[c]\n[a.b]", ["config: cannot give a key a second value (f.toml:3:5)"]),
    ("a = {}\na.b = 1", ["config: cannot mutate immutable namespace a (f.toml:2:8)"]),
    ("""a = {"('x' y')" = 1, "('x' y')" = 2}""", ["duplicate inline table key"]),
    ("""a = {" namespace ('x' y')" = 1, " namespace ('x' y')" = 2}""", ["duplicate"]),
    ("[[a]]\n[a]", ["config: cannot declare a twice (f.toml:2:3)"]),
    (b"\xef\xbb\xbfa = 1", ["a byte order mark"]),
    (b"a = 1\nb = 'x\xc3\xa9\xff'", ["config: the text is not valid UTF-8 (f.toml:2:8)"]),
    (b"\xff\xfea\0", ["config: the text is not valid UTF-8 (f.toml:1:1)"]),
    (b"a = 1\nb = '\0'", ["config: the text holds a NUL character (f.toml:2:6)"]),
    (
        "a = inf\nb = [1.0, nan]",
        ["a: a number must be", "b[1]: a number must be finite (f.toml:2:11)"],
    ),
    ("a = 1e999", ["a: a number must be finite (f.toml:1:1)"]),
    ("a = 1\n[b]\nc = 2025-02-03", ["b.c: a date or a time alone is not allowed"]),
    ("a = 04:05:06", ["a: a date or a time alone is not allowed"]),
    ("a = 0001-01-01T00:00:00+01:00", ["a: the date-time lies outside"]),
    ("a.b = 9223372036854775808", ["a.b: the integer does not fit 64 bits (f.toml:1:3)"]),
    ("a = 1" + "0" * 5000, ["the integer does not fit 64 bits (f.toml:1:5)"]),
    ("a = 0x" + "f" * 5000, ["a: the integer does not fit 64 bits (f.toml:1:1)"]),
    ("a = " + "[" * 65 + "]" * 65, ["nested deeper than 64 levels (f.toml:1:68)"]),
    ("a = " + "[" * 100_000, ["nested deeper than 64 levels (f.toml:1:69)"]),
    ("a = " + "{a=" * 100_000, ["nested deeper than 64 levels (f.toml:1:197)"]),
    (".".join("a" * 100_000) + " = 1", ["nested deeper than 64 levels (f.toml)"]),
    (".".join("a" * 100) + " = 1", ["nested deeper than 64 levels (f.toml:1:127)"]),
    ("a = {b = 1,}", ["TOML 1.1"]),
    ('a = "\\u00e9"', ["capital hex digits"]),
    ("a = [1, 2.0]", ["the first is an integer; a JSON file may have both"]),
]


@pytest.mark.parametrize(("text", "parts"), BAD_TOML, ids=range(len(BAD_TOML)))
def test_bad_toml(text: str | bytes, parts: list[str]) -> None:
    reasons = refusals(lambda: merge([toml(text)]))
    assert len(reasons) == len(parts)
    for reason, part in zip(reasons, parts, strict=True):
        assert part in reason


BAD_JSON: list[tuple[str | bytes, list[str]]] = [
    ("", ["config: expecting value (f.json:1:1)"]),
    ('{\n"a": 1,}', ["double quotes (f.json:2:8)"]),
    ("[7]", ["the top level must be an object (f.json:1:1)"]),
    (" \n null", ["the top level must be an object (f.json:2:2)"]),
    ('{"a": 1,\n "b": {"c": 1, "c": 2}}', ["b.c: the key is given twice (f.json:2:16)"]),
    ('{"a": 1, "a": 1, "b": 2, "b": 2}', ["a: the key is", "b: the key is"]),
    ('{"a": null}', ["a: null is not allowed"]),
    ('{"a": NaN}', ["a: a number must be finite"]),
    ('{"a": -Infinity}', ["a: a number must be finite"]),
    ('{"b": 1, "a": 1e999}', ["a: a number must be finite (f.json:1:10)"]),
    ('{"a": 1' + "0" * 5000 + "}", ["a: the integer does not fit 64 bits (f.json:1:2)"]),
    ('{"a": -9223372036854775809}', ["a: the integer does not fit 64 bits (f.json:1:2)"]),
    ('{"a": ["\\ud800"]}', ["a[0]: the text is not valid Unicode (f.json:1:8)"]),
    ("[" * 100_000, ["nested deeper than 64 levels (f.json:1:65)"]),
    ('{"a":' * 100_000, ["nested deeper than 64 levels (f.json:1:321)"]),
    (b'\xef\xbb\xbf{"a": 1}', ["byte order mark"]),
    (b'{"a": "\xff"}', ["not valid UTF-8 (f.json:1:8)"]),
]


@pytest.mark.parametrize(("text", "parts"), BAD_JSON, ids=range(len(BAD_JSON)))
def test_bad_json(text: str | bytes, parts: list[str]) -> None:
    reasons = refusals(lambda: merge([json_source(text)]))
    assert len(reasons) == len(parts)
    for reason, part in zip(reasons, parts, strict=True):
        assert part in reason


def test_the_faults_of_all_files_are_told() -> None:
    files = [toml("a =", "1.toml"), toml("b = 1", "2.toml"), toml("c = inf", "3.toml")]
    reasons = refusals(lambda: merge([*files, json_source("{", "4.json")]))
    assert [reason.split("(")[1].split(":")[0] for reason in reasons] == [
        "1.toml",
        "3.toml",
        "4.json",
    ]


def test_many_faults_are_cut_with_a_mark() -> None:
    text = "\n".join(f"a{n} = inf" for n in range(5000))
    reasons = refusals(lambda: merge([toml(text)]))
    assert len(reasons) <= limits.REASONS_COUNT
    assert "more reasons" in reasons[-1]


def test_too_much_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONFIGURATION_BYTES", 100)
    assert "bytes" in refusals(lambda: merge([toml(f"a = '{'x' * 200}'")]))[0]


@given(st.lists(st.tuples(st.binary(), st.sampled_from(["toml", "json"])), max_size=3))
@example([(b"a = 1\r", "toml")])
@example([(b"\xed\xa0\x80", "json")])
def test_any_bytes_give_a_configuration_or_reasons(texts: list[tuple[bytes, Any]]) -> None:
    try:
        merge([Source("f", text, form) for text, form in texts])
    except Unreadable:
        return


_PIECES = [
    *"{}[]=,.:\"'\\\n #",
    *("a", "b", "1", "-", "true", "null", "inf", "[[", "]]", "'''", '"""', "\\u00e9", "1979-05-27"),
    *("12:30", "\r\n", "1e9", "é", "\ud800", "99999999999999999999"),
]
_SOUP = st.lists(st.sampled_from(_PIECES)).map("".join)


@examples(500)
@given(_SOUP, st.sampled_from(["toml", "json"]))
def test_any_soup_gives_a_configuration_or_reasons(text: str, form: Any) -> None:
    try:
        merge([Source("f", text.encode(errors="surrogatepass"), form)])
    except Unreadable:
        return


# Reading


def names(texts: tuple[Source, ...]) -> list[str]:
    return [os.path.basename(source.name) for source in texts]


def test_a_single_file_of_any_name(tmp_path: Path) -> None:
    for name, form in [
        ("x.conf", "toml"),
        (".h", "toml"),
        ("x.json", "json"),
        ("x.json.toml", "toml"),
    ]:
        (tmp_path / name).write_bytes(b"text")
        path = str(tmp_path / name)
        assert read_sources(path) == (Source(path, b"text", form),)  # type: ignore[arg-type]


def test_a_directory_in_the_order_of_bytes(tmp_path: Path) -> None:
    last = os.fsdecode(b"\xff.toml")  # a code point below that of 😀, a byte above its bytes
    read = ["10.toml", "9.toml", "B.toml", "a.toml", "b.toml", "é.toml", "😀.toml", last]
    for name in [*reversed(read), ".z.toml", "c.json", "d"]:
        (tmp_path / name).touch()
    (tmp_path / "sub").mkdir()
    assert names(read_sources(str(tmp_path))) == read


def test_an_empty_directory(tmp_path: Path) -> None:
    assert read_sources(str(tmp_path)) == ()


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"a = 1")
    (tmp_path / "l.toml").symlink_to("real")
    assert [source.text for source in read_sources(str(tmp_path))] == [b"a = 1"]


def test_everything_unreadable_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.toml").symlink_to("nowhere")
    (tmp_path / "b.toml").mkdir()
    (tmp_path / "c.toml").write_bytes(b"")
    os.mkfifo(tmp_path / "d.toml")
    (tmp_path / "e.toml").symlink_to("/dev/zero")
    (tmp_path / "f.toml").symlink_to("f.toml")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "g.toml"))
        reasons = refusals(lambda: read_sources(str(tmp_path)))
    wanted = {
        "a": "No such file",
        "b": "is a directory",
        "d": "not a regular file",
        "e": "not a regular file",
        "f": "symbolic links",
        "g": "not a regular file",
    }
    assert len(reasons) == len(wanted)
    for reason, (name, part) in zip(reasons, wanted.items(), strict=True):
        assert part in reason
        assert f"{name}.toml)" in reason


@pytest.mark.parametrize("path", ["", "nowhere", "nowhere/x.toml", "a\0b", "\ud800", "x" * 5000])
def test_a_path_that_leads_nowhere(path: str) -> None:
    assert "cannot be read" in refusals(lambda: read_sources(path))[0]


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.toml").touch(mode=0)
    (tmp_path / "sub").mkdir(mode=0)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # relative names: the directories above may be closed as well
    user = os.geteuid()
    os.seteuid(user or 65534)  # root may read everything
    try:
        for path in ("a.toml", "sub", "."):
            assert "Permission denied" in refusals(lambda path=path: read_sources(path))[0]  # type: ignore[misc]
    finally:
        os.seteuid(user)


def test_a_single_fifo_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert "regular file" in refusals(lambda: read_sources(str(tmp_path / "fifo")))[0]


def test_limits_on_size_and_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SOURCE_BYTES", 100)
    for name, size in [("a", 60), ("b", 41), ("c", 40), ("d", 0), ("e", 1)]:
        (tmp_path / f"{name}.toml").write_bytes(b"#" * size)
    reasons = refusals(lambda: read_sources(str(tmp_path)))
    assert [reason[-7:] for reason in reasons] == ["b.toml)", "e.toml)"]
    assert "at most 100 B" in reasons[0]
    monkeypatch.setattr(limits, "SOURCE_FILES", 4)
    assert "more than 4 files" in refusals(lambda: read_sources(str(tmp_path)))[0]


class Disturbance:
    """Changes a file each time that its end is reached in reading, `times` times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int, change: Callable[[int], None]):
        self.left = times
        self.change = change
        self.read = os.read
        monkeypatch.setattr(os, "read", self)

    def __call__(self, descriptor: int, size: int) -> bytes:
        block = self.read(descriptor, size)
        if not block and self.left:
            self.left -= 1
            self.change(self.left)
        return block


@pytest.mark.parametrize("way", ["append", "touch", "replace", "twin"])
def test_a_file_that_changes_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    path = tmp_path / "a.toml"

    def change(left: int) -> None:
        if way == "append":
            with path.open("ab") as file:
                file.write(b"#")
        elif way == "touch":
            os.utime(path, ns=(left, left))
        else:
            new = tmp_path / "new"
            new.write_bytes(b"# new")
            if way == "twin":  # of the same size and age
                os.utime(new, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
            new.replace(path)

    path.write_bytes(b"# old")
    Disturbance(monkeypatch, 3, change)
    assert read_sources(str(path))[0].text == path.read_bytes()
    path.write_bytes(b"# old")
    Disturbance(monkeypatch, 100, change)
    assert "changes while it is read" in refusals(lambda: read_sources(str(path)))[0]


def test_a_file_that_goes_away_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"# old")
    Disturbance(monkeypatch, 1, lambda _: path.unlink())
    assert "No such file" in refusals(lambda: read_sources(str(path)))[0]


@given(_SOUP)
def test_reasons_name_keys_and_places(text: str) -> None:
    files = [toml(text.encode(errors="replace"), "f")]
    try:
        configuration = merge(files)
    except Unreadable as refused:
        for reason in refused.reasons:
            assert reason.origin is None or reason.origin.source == "f"
            assert str(reason)
            format_key(reason.key)
    else:
        assert merge(files) == configuration
