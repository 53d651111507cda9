# SPDX-License-Identifier: LGPL-3.0-or-later
"""Reasons in the order of the lines, summed up for people, and in the forms of programs."""

import re
from typing import Any
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from cli.output.mistakes import SHOWN, as_annotation, as_line, in_order, summed_up
from protocol.reasons import Origin, Reason


def reason(message: str, key: str = "", place: tuple[Any, ...] = (), module: str = "m") -> Any:
    path = tuple(key.split(".")) if key else ()
    return Reason(module, message, path, Origin(*place) if place else None).as_json()


def test_the_order_is_that_of_files_and_lines() -> None:
    places: list[tuple[Any, ...]] = [
        (), ("b.toml", 2, 1), ("a.toml", 10, 1), ("a.toml", 9, 5), ("a.toml", 9, 1), ("b.toml",),
    ]  # fmt: skip
    told = [reason(str(number), place=place) for number, place in enumerate(places)]
    assert [one["message"] for one in in_order(told)] == ["4", "3", "2", "5", "1", "0"]


def test_two_hundred_of_the_same_mistake_are_one_line() -> None:
    told = [reason("unknown key", f"queues.q{line}.requirez", ("q.toml", line, 1))
            for line in range(1, 201)]  # fmt: skip
    (line,) = summed_up(in_order(reversed(told)))
    assert line.startswith("m: queues.q1.requirez: unknown key (q.toml:1:1), also q.toml:2, ")
    assert line.endswith(" q.toml:4 and 196 times more")


def test_different_mistakes_stay_apart_and_are_limited() -> None:
    told = [reason("unknown key", f"a.key{line}", ("q.toml", line, 1)) for line in range(1, 201)]
    told += [
        reason("is bad", "a.key200", ("q.toml", 300, 1)),
        reason("no place"),
        reason("no place"),
    ]
    lines = summed_up(in_order(told))
    assert len(lines) == SHOWN + 1
    assert lines[-1] == f"… and {202 - SHOWN} more; --json, or a pipe, gets all of them"
    assert len(summed_up([reason("x"), reason("x", module="n")])) == 2


def test_what_two_modules_say_alike_is_told_once() -> None:
    told = [reason("x", "a.b", ("f", line), module) for line in (1, 2) for module in "mn"]
    assert summed_up(told) == ["m, n: a.b: x (f:1), also f:2"]


def test_a_line_is_what_editors_read() -> None:
    told = reason("must be an integer", "a.b", ("conf.d/a.toml", 3, 7))
    assert as_line(told, "error", "p") == (
        "conf.d/a.toml:3:7: error: m: a.b: must be an integer [invalid]"
    )
    assert as_line(reason("x\ny"), "warning", "p") == "p:1:1: warning: m: x\\ny [invalid]"


# packages/core/src/command.ts of actions/toolkit, read backwards
_COMMAND = re.compile(r"::(error|warning) ([^:\r\n]*)::([^\r\n]*)\Z")


@given(st.text(min_size=1), st.text(min_size=1), st.integers(1, 99))
def test_an_annotation_is_one_command_whatever_the_text(message: str, file: str, line: int) -> None:
    told = reason(message, "a", (file, line, 2))
    found = _COMMAND.match(as_annotation(told, "error").replace("\r", "\n"))
    assert found is not None
    assert found[1] == "error"
    properties = dict(pair.split("=", 1) for pair in found[2].split(","))
    assert unquote(properties["file"]) == file
    assert (properties["line"], properties["col"]) == (str(line), "2")


def test_github_escapes_of_data_and_of_properties() -> None:
    told = reason("50%: a,b", place=("a:b,c%.toml", 1))
    assert as_annotation(told, "warning") == (
        "::warning file=a%3Ab%2Cc%25.toml,line=1,title=flux config%3A invalid::m: 50%25: a,b"
    )
