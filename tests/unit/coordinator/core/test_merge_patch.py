# SPDX-License-Identifier: LGPL-3.0-or-later
"""Several keys in one change: RFC 7396, its own examples, and what a configuration adds to it."""

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.core.merge_patch import MergePatch, merged_with
from coordinator.files.parsing import read_patch
from coordinator.files.reading import Source, Unreadable
from protocol.configuration import Configuration, Unfit, digest_of

APPENDIX_A: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
"""RFC 7396, appendix A: original, patch, result."""

SECTION_3 = (
    {"title": "Goodbye!", "author": {"givenName": "John", "familyName": "Doe"},
     "tags": ["example", "sample"], "content": "This will be unchanged"},
    {"title": "Hello!", "phoneNumber": "+01-123-456-7890", "author": {"familyName": None},
     "tags": ["example"]},
    {"title": "Hello!", "author": {"givenName": "John"}, "tags": ["example"],
     "content": "This will be unchanged", "phoneNumber": "+01-123-456-7890"},
)  # fmt: skip


@pytest.mark.parametrize(("original", "patch", "result"), [*APPENDIX_A, SECTION_3])
def test_the_examples_of_the_rfc(original: Any, patch: Any, result: Any) -> None:
    assert merged_with(original, patch) == result


def patch_of(text: str, form: str = "json") -> MergePatch:
    return MergePatch(read_patch(Source("p", text.encode(), "json" if form == "json" else "toml")))


@pytest.mark.parametrize(
    ("original", "patch", "result"),
    [(o, p, r) for o, p, r in [*APPENDIX_A, SECTION_3]
     if isinstance(o, dict) and isinstance(p, dict) and None not in o.values()],
)  # fmt: skip
def test_as_a_change_of_what_runs(original: Any, patch: Any, result: Any) -> None:
    changed = MergePatch(msgpack.packb(patch)).applied_to(Configuration.of(original))
    assert changed == Configuration.of(result)
    assert Configuration.decode(changed.encoded) == changed, "canonical"


BASE = Configuration.of({"a": {"x": 1, "y": [1]}, "t": {"iso-8601-ts": "2026-01-31T12:00:00Z"}})


def test_toml_takes_nothing_away() -> None:
    assert patch_of("[a]\nz = 2\n[b]", "toml").applied_to(BASE).plain() == {
        "a": {"x": 1, "y": [1], "z": 2}, "b": {}, "t": {"iso-8601-ts": "2026-01-31T12:00:00Z"},
    }  # fmt: skip


def test_what_changes_nothing_is_what_runs() -> None:
    for text in ("{}", '{"a": {"x": 1}}', '{"nope": null, "a": {"nope": null}}'):
        assert patch_of(text).applied_to(BASE) is BASE
    assert patch_of('{"a": {"x": 1.0}}').applied_to(BASE) is not BASE


def test_what_cannot_be_read() -> None:
    in_arrays = ['{"a": [null]}', '{"a": [{"b": null}]}', '{"a": [{"b": [1, null]}]}']
    for text in (*in_arrays, "[1]", "null", '{"a": 1, "a": 2}', "{"):
        with pytest.raises(Unreadable):
            patch_of(text)


def test_what_the_whole_cannot_hold() -> None:
    deep: Any = 1
    for _ in range(70):
        deep = {"d": deep}
    with pytest.raises(Unfit, match="deeper"):
        MergePatch(msgpack.packb({"a": deep})).applied_to(BASE)


def test_the_keys_that_it_is_about() -> None:
    patch = patch_of('{"a": {"x": null, "z": {}}, "b": [1], "t": {"u": {"v": 1}}}')
    assert list(patch.keys()) == [("a", "x"), ("a", "z"), ("b",), ("t", "u", "v")]


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([0, 1.0, True, "a"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
)
TREES = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


@given(TREES, TREES)
def test_a_patch_that_was_made_is_made_already(tree: Any, patch: Any) -> None:
    once = MergePatch(msgpack.packb(patch)).applied_to(Configuration.of(tree))
    assert MergePatch(msgpack.packb(patch)).applied_to(once) is once


@given(TREES, st.sampled_from("abc"), st.sampled_from("abc"))
def test_different_keys_add_up_in_any_order(tree: Any, one: str, other: str) -> None:
    patches = [MergePatch(msgpack.packb({key: {"new": 1}})) for key in (one, other)]
    there = patches[1].applied_to(patches[0].applied_to(Configuration.of(tree)))
    back = patches[0].applied_to(patches[1].applied_to(Configuration.of(tree)))
    assert there == back


def test_the_text_of_a_patch_is_known_by_the_digest_of_the_patch() -> None:
    encoded = msgpack.packb({"a": 1})
    assert MergePatch(encoded).digest == digest_of(encoded)
