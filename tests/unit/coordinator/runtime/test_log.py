# SPDX-License-Identifier: LGPL-3.0-or-later
"""The broker's log, as it appears on stderr and as it is remembered."""

import json
from typing import Any

import pytest

from coordinator.runtime.log import Log
from protocol import limits


def printed(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_quiet_log_prints_warnings_and_remembers_all(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log("json", level=4)
    log.line("begin", {"txid": "1.1"})
    log.warn("malformed", module="a")
    (line,) = printed(capsys.readouterr().err)
    assert (line["event"], line["level"], line["module"]) == ("malformed", "warning", "a")
    assert [line["event"] for line in log.recent()] == ["begin", "malformed"]
    assert log.recent()[1] == line
    assert log.recent()[0]["timestamp"].endswith("Z")


def test_a_log_prints_everything_unless_it_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log("json")
    for number in range(limits.LOG_LINES + 5):
        log.line("note", {"number": number})
    lines = printed(capsys.readouterr().err)
    assert [line["number"] for line in lines] == list(range(limits.LOG_LINES + 5))
    assert log.recent() == lines[5:]


def test_lines_that_are_held_are_printed_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    """Ordinary ones wait for leisure; a warning does not, nor what came before it."""
    log, woken = Log("json"), []
    log.hold(lambda: woken.append("woken"))
    log.line("first", {})
    log.notice("second")
    assert capsys.readouterr().err == ""
    assert woken == ["woken"]
    assert [line["event"] for line in log.recent()] == ["first", "second"]
    log.warn("third")
    log.line("fourth", {})
    assert [line["event"] for line in printed(capsys.readouterr().err)] == [
        "first",
        "second",
        "third",
    ]
    log.flush()
    log.flush()
    assert [line["event"] for line in printed(capsys.readouterr().err)] == ["fourth"]
    assert woken == ["woken", "woken"]


def test_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    Log("console").line("begin", {"txid": "1.1"})
    said = capsys.readouterr().err
    assert "begin" in said
    assert "1.1" in said
    assert not said.startswith("{")
