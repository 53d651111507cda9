# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which of our modules judges for which of flux-core's, and what it says."""

from typing import Any

import pytest

from participant.fluxcore import validators
from participant.fluxcore.validators import NEXT_START, READS_NOTHING, judge, unjudged, validator_of
from participant.judging import Judgement, ask
from participant.module import Module
from participant.modules import BUNDLED
from participant.modules.heartbeat import Heartbeat
from protocol.configuration import EMPTY, Configuration

LOADED = (
    *("config", "connector-local", "groups", "overlay", "rexec", "content", "heartbeat", "cron"),
    *("content-sqlite", "kvs", "kvs-watch", "resource", "job-manager", "job-list", "job-info"),
    *("job-ingest", "job-exec", "sched-simple"),
)
"""module.list of an instance of flux-core 0.88 with all of rc1."""


def test_all_of_flux_core_is_known() -> None:
    assert unjudged(LOADED) == ()
    assert unjudged([*LOADED, "sdbus-sys", "sdexec-mapper", "sched-fluxion-qmanager"]) == ()


def test_names_that_nobody_can_judge_are_told() -> None:
    assert unjudged(["job-manager", "site-power", "archive", "archive"]) == (
        "archive",
        "site-power",
    )
    assert "site-power" not in judge(["site-power", "kvs"], EMPTY)


def test_nobody_is_both() -> None:
    assert not READS_NOTHING & BUNDLED.keys()
    assert validator_of(NEXT_START) == NEXT_START


def test_every_module_says_its_own_reasons() -> None:
    found = judge(
        LOADED, Configuration.of({"heartbeat": {"period": "never"}, "queues": 7, "policy": 3})
    )
    refused = {name for name, judgement in found.items() if judgement.reasons}
    assert refused == {"heartbeat", "job-manager", "job-ingest"}
    assert str(found["heartbeat"].reasons[0]).startswith("heartbeat: heartbeat.period: ")


def test_a_second_name_is_told_by_that_name() -> None:
    broken = Configuration.of({"systemd": {"enable": True, "sdbus-debug": 3}})
    said = judge(["sdbus", "sdbus-sys"], broken)
    lines = {
        name: [str(each) for each in (*one.reasons, *one.warnings)] for name, one in said.items()
    }
    assert lines["sdbus"]
    assert all(line.startswith("sdbus-sys: ") for line in lines["sdbus-sys"])


def test_what_only_a_start_would_refuse_is_a_warning() -> None:
    candidate = Configuration.of({"modules": {"no-such": {}}})
    found = judge([NEXT_START], candidate)[NEXT_START]
    assert not found.reasons
    assert "next start" in found.warnings[0].message
    assert not judge([NEXT_START], candidate, about_a_start=False)[NEXT_START].warnings


def test_what_is_said_of_the_same_tables_is_not_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """But where a table that the validator reads has changed, its own or another, it is."""
    asked: list[str] = []

    def counting(module: type[Module], *rest: Any, **more: Any) -> Judgement:
        asked.append(module.title())
        return ask(module, *rest, **more)

    monkeypatch.setattr(validators, "ask", counting)
    monkeypatch.setattr(validators, "_last", {})
    names = ["heartbeat", "job-exec", "job-manager", "kvs"]
    needs_imp: dict[str, Any] = {"job-manager": {"housekeeping": {}}}
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, names),
        ({"a": {"n": 1}}, []),
        ({"heartbeat": {"period": "3s"}}, ["heartbeat"]),
        ({"heartbeat": {"period": "3s"}, "exec": {"imp": "/x"}}, ["job-exec", "job-manager"]),
        ({}, ["heartbeat", "job-exec", "job-manager"]),
        (needs_imp, ["job-manager"]),
        ({**needs_imp, "a": {"n": 1}}, ["job-manager"]),  # which looks for files then
    ]
    for tree, expected in cases:
        asked.clear()
        candidate = Configuration.of(tree)
        found = judge(names, candidate)
        assert asked == expected, tree
        monkeypatch.setattr(validators, "_last", {})
        assert judge(names, candidate) == found
        judge(names, candidate)


def test_a_second_name_shares_what_was_said() -> None:
    broken = Configuration.of({"systemd": {"enable": True, "sdbus-debug": 3}})
    for name in ("sdbus", "sdbus-sys", "sdbus"):
        said = judge([name], broken)[name]
        assert [each.module for each in (*said.reasons, *said.warnings)] == [name]


def test_a_validator_that_fails_is_no_reason_against_a_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken(Heartbeat):
        def prepare(self, new: Heartbeat.Config, config: object) -> None:
            raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(validators, "_class", lambda _: Broken)
    monkeypatch.setattr(validators, "_last", {})
    found = judge(["heartbeat"], EMPTY)["heartbeat"]
    assert found.reasons == ()
    assert "prepare raised ZeroDivisionError: a fault of ours" in found.warnings[0].message
