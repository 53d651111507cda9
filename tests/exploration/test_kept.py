# SPDX-License-Identifier: LGPL-3.0-or-later
"""A search that is broken off and taken up again sees what one search sees."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.exploration.__main__ import main
from tests.exploration.books import Broken
from tests.exploration.kept import Kept, Unusable
from tests.exploration.search import Search
from tests.exploration.seen import Seen
from tests.exploration.spec import Spec
from tests.exploration.worlds import WORLDS
from tests.simulation.mutants.all import mutated

ROOT = Path(__file__).parents[2]
CODE = "this code"
HALF, ALL = 700, 1500


def until(search: Search, states: int) -> Search:
    search.run(lambda seen, seconds: seen > states)
    return search


def rows(seen: Seen) -> list[object]:
    return [list(seen), seen.parents, seen.moves, seen.ends, seen.sources, seen.targets,
            seen.new_places, seen.new_moves]  # fmt: skip


def figures(search: Search) -> tuple[object, ...]:
    report = search.report
    return (report.states, report.transitions, report.depth, report.ends, report.frontier,
            report.exhausted)  # fmt: skip


def kept_half(folder: Path, spec: Spec, code: str = CODE) -> Kept:
    kept = Kept(folder, spec, code)
    kept.keep(until(Search(spec), HALF))
    return kept


@pytest.mark.parametrize(
    "name", ["concurrent", "three attached, faults", "module reload, everything", "ledgers"]
)
def test_two_halves_are_the_whole(tmp_path: Path, name: str) -> None:
    spec = WORLDS[name]
    whole = until(Search(spec), ALL)
    second = kept_half(tmp_path, spec).take_up()
    assert second is not None
    assert figures(second) == figures(until(Search(spec), HALF))
    assert not second.report.exhausted
    until(second, ALL)
    assert rows(second.seen) == rows(whole.seen)
    assert figures(second) == figures(whole)
    last = len(whole.seen) - 1
    assert second.story(last, None) == whole.story(last, None)


def test_halves_in_one_process_are_the_whole_too() -> None:
    spec = WORLDS["concurrent"]
    parts = until(until(until(Search(spec), 1), HALF), ALL)
    whole = until(Search(spec), ALL)
    assert rows(parts.seen) == rows(whole.seen)
    assert (figures(parts), parts.report.steps) == (figures(whole), whole.report.steps)


def test_what_is_exhausted_stays_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--world", "concurrent", "--keep", str(tmp_path)]
    assert main([*arguments, "--states", str(HALF)]) == 0
    assert "NOT exhausted, frontier" in capsys.readouterr().out
    assert main(arguments) == 0
    told = capsys.readouterr().out
    assert "  exhausted" in told
    whole = until(Search(WORLDS["concurrent"]), 10**6).report
    assert told.split()[1] == str(whole.states)
    assert main(arguments) == 0
    assert capsys.readouterr().out == told, "nothing is left to be done"


def test_a_later_half_finds_what_is_broken_again_and_again(tmp_path: Path) -> None:
    spec = WORLDS["breaks, undone"]
    with mutated("commit-before-durable"):
        whole = Search(spec)
        whole.run()
        assert isinstance(whole.report.broken, Broken)
        kept = Kept(tmp_path, spec, CODE)
        kept.keep(until(Search(spec), 0))
        for _ in range(2):
            search = kept.take_up()
            assert search is not None
            search.run()
            assert str(search.report.broken) == str(whole.report.broken)
            assert search.report.story == whole.report.story


def test_other_processes_go_on(tmp_path: Path) -> None:
    """Nothing depends on the order of sets, which is another one in each process."""
    told = []
    for number, arguments in enumerate((["--states", str(HALF), "--keep", str(tmp_path)],
                                        ["--states", str(ALL), "--keep", str(tmp_path)],
                                        ["--states", str(ALL)])):  # fmt: skip
        run = subprocess.run(
            [sys.executable, "-m", "tests.exploration", "--world", "module remove, everything",
             *arguments],
            cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": str(number)}, capture_output=True,
            text=True, check=True,
        )  # fmt: skip
        line = re.sub(
            r"\d+ steps|[\d.]+ s ", "", run.stdout
        )  # what was remembered is worked out anew
        told.append(line)
    assert told[0] != told[1] == told[2]


def test_other_code_does_not_count(tmp_path: Path) -> None:
    spec = WORLDS["concurrent"]
    kept_half(tmp_path, spec, "other code")
    assert Kept(tmp_path, spec, CODE).take_up() is None
    assert Kept(tmp_path / "nothing", spec, CODE).take_up() is None


@pytest.mark.parametrize(
    "what", ["nothing", "no archive", "no figures", "half of it", "other rows"]
)
def test_a_file_of_something_else_is_told(tmp_path: Path, what: str) -> None:
    kept = kept_half(tmp_path, WORLDS["concurrent"])
    header, _, rest = gzip.decompress(kept.path.read_bytes()).partition(b"\n")
    if what == "no archive":
        kept.path.write_text("{}\n")
    elif what == "nothing":
        kept.path.write_bytes(gzip.compress(b""))
    elif what == "no figures":
        kept.path.write_bytes(gzip.compress(json.dumps({"code": CODE}).encode() + b"\n"))
    elif what == "half of it":
        kept.path.write_bytes(gzip.compress(header + b"\n" + rest[: len(rest) // 2]))
    else:
        kept.path.write_bytes(gzip.compress(header + b"\n" + rest[24:] + rest[:24]))
    with pytest.raises(Unusable, match=r"concurrent\.seen\.gz is no exploration of this code"):
        kept.take_up()


def test_what_to_do_about_such_a_file_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept_half(tmp_path, WORLDS["concurrent"]).path.write_text("{}\n")
    assert main(["--world", "concurrent", "--keep", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(str(tmp_path))
    assert told.endswith("; remove it to begin anew\n")
