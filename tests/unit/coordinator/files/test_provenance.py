# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where a value came from, over any number of edits."""

from coordinator.files.parsing import merge
from coordinator.files.provenance import Provenance, ProvenanceStore, located
from coordinator.files.reading import Source
from protocol.reasons import Origin, Reason

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
        texts.edited(digest, f"d{number}", ((f"k{number}",),), SET)
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
