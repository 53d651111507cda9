# SPDX-License-Identifier: LGPL-3.0-or-later
"""What is made of a check's exit status and of what it wrote."""

from participant.checks.verdict import Ended, objections
from protocol import limits

TREE = {"heartbeat": {"period": "1s"}, "list": [{"a": 1}]}


def said(status: int | None, stderr: str = "", killed: str = "", cut: bool = False) -> list[str]:
    ended = Ended("c", status, killed, stderr.encode(errors="surrogateescape"), cut)
    return [message for message, _ in objections(ended, TREE)]


def test_yes_whatever_it_wrote() -> None:
    assert said(0, "the configuration file syntax is ok\n") == []


def test_every_line_is_a_reason() -> None:
    assert said(1, "one\n\n  two \r\nthree") == ["c: one", "c: two", "c: three"]


def test_no_reason() -> None:
    assert said(3) == ["c: exited with status 3, and did not say why"]
    assert said(-11, " \n") == ["c: was killed by SIGSEGV, and did not say why"]
    assert said(-65) == ["c: was killed by signal 65, and did not say why"]


def test_why_it_was_killed_and_what_it_had_said_till_then() -> None:
    late = "did not answer within 1 s and was killed"
    assert said(-9, "waiting for the moon\n", late) == [f"c: {late}", "c: waiting for the moon"]
    assert said(None, "", late) == [f"c: {late}"]
    assert said(0, "", late) == [f"c: {late}"], "a yes that comes too late is none"


def test_nothing_in_it_moves_a_terminal() -> None:
    text = "\x1b[31mred\x1b[0m\x1b]0;title\x07 a\tb\x00\x08\u009b2J \udcff\u202e\n"
    (line,) = said(1, text)
    assert line.isprintable()
    assert line.startswith("c: red a b")


def test_it_is_cut_with_a_mark() -> None:
    lines = said(1, "x\n" * (limits.CHECK_LINES + 1))
    assert len(lines) == limits.CHECK_LINES
    assert [lines[0], lines[-1]] == ["c: x", "c: x … (cut)"]
    assert said(1, "x\n", cut=True) == ["c: x … (cut)"]


def test_a_key_that_the_candidate_has_is_the_reason_s() -> None:
    text = "heartbeat.period: too fast\nheartbeat.speed: too fast\nlist[0].a: odd\nerror: x\n"
    assert objections(Ended("c", 1, stderr=text.encode()), TREE) == [
        ("c: too fast", ("heartbeat", "period")),
        ("c: heartbeat.speed: too fast", ()),
        ("c: odd", ("list", 0, "a")),
        ("c: error: x", ()),
    ]
