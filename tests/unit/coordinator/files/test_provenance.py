# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where a value came from, over any number of edits, and what nobody reads."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ConfigDict

from cli.commands.config.unknown_keys import warnings
from coordinator.files.parsing import merge
from coordinator.files.provenance import Provenance, ProvenanceStore, located
from coordinator.files.reading import Source
from participant.module import Module
from participant.settings.model import LAX, Settings
from protocol.configuration import Configuration
from protocol.reasons import Origin, Reason

ROOT = Path(__file__).parents[4]
FILE = Source("a.toml", b'[heartbeat]\nperiod = "2s"\n\n[tbon]\ntorpid_max = "30s"\n', "toml")
SET, LATER = Origin("flux config set … by uid 7"), Origin("a later command")


def place(provenance: Provenance, *key: str) -> str:
    (reason,) = located([Reason("m", "no", key)], provenance)
    return str(reason.origin)


def test_a_key_of_a_file_has_its_line_until_a_command_sets_it() -> None:
    files = Provenance((FILE,))
    edited = files.edited(("heartbeat", "period"), SET)
    assert place(files, "heartbeat", "period") == "a.toml:2:1"
    assert place(edited, "heartbeat", "period") == str(SET)
    assert place(edited, "tbon", "torpid_max") == "a.toml:5:1"
    assert place(edited, "heartbeat") == "a.toml:1:2"


def test_a_table_that_was_set_answers_for_its_keys_and_a_later_command_for_its_own() -> None:
    edited = Provenance((FILE,)).edited(("queues",), SET).edited(("queues", "batch"), LATER)
    assert place(edited, "queues", "debug", "x") == str(SET)
    assert place(edited, "queues", "batch", "x") == str(LATER)
    assert place(edited.edited(("queues",), SET), "queues", "batch") == str(SET)


def test_a_table_that_exists_only_by_commands_is_told_with_the_last() -> None:
    edited = Provenance((FILE,)).edited(("kvs", "a"), SET).edited(("kvs", "b"), LATER)
    assert place(edited, "kvs") == str(LATER)


def test_what_is_not_known_is_not_made_up() -> None:
    (reason,) = located([Reason("m", "no", ("x",))], Provenance())
    assert reason.origin is None
    assert place(Provenance(whole=Origin("generation 7")), "x") == "generation 7"


def test_texts_are_kept_over_many_edits_and_edits_are_bounded() -> None:
    texts = ProvenanceStore()
    digest = merge([FILE]).digest
    texts.keep(digest, (FILE,))
    for number in range(2500):
        texts.edited(digest, f"d{number}", (f"k{number}",), SET)
        digest = f"d{number}"
    found = texts.behind(digest)
    assert place(found, "heartbeat", "period") == "a.toml:2:1"
    assert place(found, "k2499") == str(SET)
    assert len(found.edits) <= 1000


def test_a_recalled_generation_keeps_texts_that_are_known() -> None:
    texts = ProvenanceStore()
    texts.keep("d", (FILE,))
    texts.name("d", Origin("generation 1"))
    assert place(texts.behind("d"), "heartbeat", "period") == "a.toml:2:1"
    texts.name("e", Origin("generation 1"))
    assert place(texts.behind("e"), "heartbeat", "period") == "generation 1"


# Unknown keys


class Inner(Settings):
    model_config = LAX
    colour: str = "red"


class Open(Settings):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Inner]


class First(Module):
    table = "paint"

    class Config(Settings):
        model_config = LAX
        inner: Inner | None = None
        several: list[Inner] | None = None
        named: dict[str, Inner] | None = None
        open_ended: Open | None = None
        anything: Any = None


class Second(Module):
    tables = ("paint", "brush")

    class Config(Settings):
        model_config = LAX
        paint: dict[str, int] | None = None
        brush: Inner | None = None


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ({"paint": {"inner": {"colour": "x"}, "anything": {"x": 1}}}, {}),
        ({"paint": {"inner": {"color": "x"}}}, {"paint.inner.color": "colour"}),
        ({"paint": {"several": [{}, {"color": "x"}]}}, {"paint.several[1].color": "colour"}),
        ({"paint": {"named": {"a": {"colur": "x"}}}}, {"paint.named.a.colur": "colour"}),
        ({"paint": {"open-ended": {"b": {"colo": "x"}}}}, {"paint.open-ended.b.colo": "colour"}),
        ({"paint": {"openended": {}}}, {"paint.openended": "open-ended"}),
        ({"pain": {}}, {"pain": "paint"}),
        ({"zzz": 1}, {"zzz": ""}),
        ({"paint": 5}, {}),
    ],
)
def test_what_nobody_reads_is_told_with_the_nearest_name(tree: Any, told: dict[str, str]) -> None:
    found = warnings(Configuration.of(tree), [First])
    shown = {reason.as_json()["key"]: reason.message for reason in found}
    assert set(shown) == set(told)
    for key, name in told.items():
        assert (f"did you mean {name}?" in shown[key]) == bool(name)


def test_a_key_that_another_reader_of_the_table_knows_is_known() -> None:
    tree = {"paint": {"litres": 5}, "brush": {"colors": 1}}
    assert [warning.key for warning in warnings(Configuration.of(tree), [First])] == [
        ("brush",), ("paint", "litres")]  # fmt: skip
    both = warnings(Configuration.of(tree), [First, Second])
    assert [warning.key for warning in both] == [("brush", "colors")]


def test_a_whole_real_configuration_has_no_unknown_tables() -> None:
    from coordinator.files.reading import read_sources
    from participant.loader import load
    from participant.modules import BUNDLED

    configuration = merge(read_sources(str(ROOT / "examples" / "system-conf.d")))
    found = warnings(configuration, [load(name) for name in BUNDLED])
    assert [warning for warning in found if len(warning.key) == 1] == []
