# SPDX-License-Identifier: LGPL-3.0-or-later
"""A change drawn with characters: every line in its place, at any width, whatever it is about."""

from typing import Any

import pytest

from cli.output.timeline_rows import duration, paces, title, waits
from cli.output.timeline_text import lines
from tests.support.timelines import EVIL, entry, member, without_moments


def drawn(found: dict[str, Any], width: int = 100) -> str:
    return "\n".join(lines(found, width))


def test_a_commit_is_drawn() -> None:
    whole = drawn(entry())
    chart = [line for line in whole.splitlines() if "|" in line]
    assert [line.split("|")[0].strip() for line in chart] == ["candidate", "quick plain", "slow",
                                                              "disk"]  # fmt: skip
    bars = [line.split("|")[1] for line in chart]
    assert len({len(bar) for bar in bars}) == 1
    assert bars[1].startswith("y")
    assert bars[2].startswith("-" * 20)
    assert [bar.count(end) for bar, end in zip(bars[1:3], "yy", strict=True)] == [1, 1]
    assert all("a" in bar for bar in bars[1:3])
    assert "#" in bars[3]
    assert "yes after 790.0 ms, applied after 50.0 ms" in whole
    assert "generation 4, committed" in whole
    assert "root (uid 0), pid 77: flux config set a.b plain" in whole
    assert "waited for: 790.0 ms the votes, 780.0 ms of it for slow alone; 100.0 ms the d" in whole
    assert '-a.plain = 1\n+a.plain = ["plain"]\n+c = "x"\n-long = ["abc… (cut)' in whole
    assert "and 2 more keys" in whole


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"result": "refused"}, "refused; generation 3 stayed in force"),
        ({"result": "refused", "base": 0}, "refused"),
        ({"result": "partial", "not_applied": ["slow"]}, "generation 4, committed, not applied by"),
        ({"undone_by": 5}, "; undone by generation 5"),
        ({"undone_by": 5, "undone_why": "a: no"}, "; undone by generation 5: a: no"),
        ({"result": "valid"}, "all would accept it"),
        ({"result": "unchanged"}, "unchanged: generation 3 was this already"),
        ({"result": "undecided"}, "in progress"),
        ({"result": "unknown"}, "unknown"),
    ],
)
def test_every_end_has_its_words(more: dict[str, Any], words: str) -> None:
    found = entry(**more)
    assert words in title(found)
    assert drawn(found).startswith(title(found))
    found["moments"]["dry_run"] = True
    assert title(found).startswith("dry run, ")


def test_every_way_to_answer_has_its_words() -> None:
    found = entry("partial")
    asked = {"asked": 0.01}
    found["moments"]["members"] = [
        member("no", 0.2, "no"),
        member("lost", 0.2, "lost", why="its process ended: x"),
        member("late", 1.0, "late"),
        member("excused", 0.3, "excused", why="died"),
        {"name": "awaited", **asked},
        {"name": "unasked", "vote": "late", "voted": 1.0},
        member("died", 0.3, lost=0.85, ok=False, why="its process ended"),
        member("broke", 0.3, applied=0.95, ok=False, why="failed in commit"),
        {"name": "brought along", "applied": 0.95, "ok": True},
    ]
    whole = drawn(found, 140)
    for words in ("| no after 190.0 ms", "| lost after 190.0 ms (its process ended: x)",
                  "| no answer in 990.0 ms", "had no vote any more after 290.0 ms (died)",
                  "| no answer yet, 990.0 ms", "was not asked: it owed an older answer",
                  "yes after 290.0 ms, not applied (its process ended)",
                  "yes after 290.0 ms, not applied (failed in commit)",
                  "| applied after 50.0 ms"):  # fmt: skip
        assert words in whole, words
    assert whole.count("!") >= 2
    assert "x" in whole


@pytest.mark.parametrize("width", [1, 20, 59, 60, 80, 100, 300])
def test_any_width_will_do(width: int) -> None:
    chart = [line for line in lines(entry(), width) if line.startswith(("slow", "quick"))]
    assert len(chart) == 2
    assert all(("|" in line) == (width >= 60) for line in chart)
    if width >= 100:
        assert all(len(line) <= width for line in chart)


def test_nothing_of_it_can_move_a_cursor() -> None:
    for result in ("committed", "refused"):
        whole = "".join(lines(entry(result, evil=EVIL), 80))
        assert whole.isprintable()
        assert "script" in whole


def test_a_change_without_moments_is_told_all_the_same() -> None:
    assert "its moments are not kept" in drawn(without_moments())
    assert waits(without_moments()) == []


def test_of_many_members_those_are_drawn_that_tell_most() -> None:
    found = entry()
    found["moments"]["members"] = [
        member(f"m{number}", 0.01 + number / 1000) for number in range(200)
    ]
    found["moments"]["members"][7]["vote"] = "no"
    found["moments"]["more_members"] = 30
    whole = lines(found, 100)
    assert len(whole) < 70
    assert any(line.startswith("m7 ") for line in whole)
    assert any(line.startswith("m199 ") for line in whole)
    assert "and 184 more, none of them slower or worse" in whole
    assert "230 members" in whole[3]


def test_a_change_that_took_no_time_has_no_bars_too_long() -> None:
    found = entry()
    found["moments"] = {"at": 1.0, "dry_run": False, "seconds": 0.0, "begun": 0.0, "ended": 0.0,
                        "members": []}  # fmt: skip
    assert "candidate" in drawn(found)


def test_who_was_slow_over_several_changes() -> None:
    second = entry("refused")
    second["moments"]["members"][1] |= {"voted": 0.41}
    slow, quick = paces([entry(), second, without_moments()])
    assert (slow.name, slow.asked, slow.refused, slow.missed) == ("slow", 2, 1, 0)
    found = [slow.typical or 0.0, slow.longest or 0.0, quick.longest or 0.0, quick.applying or 0.0]
    assert found == pytest.approx([0.595, 0.79, 0.01, 0.05])
    assert paces([]) == []


def test_durations_have_three_figures_or_so() -> None:
    assert [duration(seconds) for seconds in (0.0, 0.0001, 0.25, 1.0, 12.34)] == [
        "0.00 ms", "0.10 ms", "250.0 ms", "1.00 s", "12.3 s"]  # fmt: skip
