# SPDX-License-Identifier: LGPL-3.0-or-later
"""Rehearsals with a `flux` that does everything wrong, which a script plays here."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from participant.fluxcore.rehearsal import USUAL, Rehearsed, rehearse
from protocol.configuration import EMPTY, Configuration
from tests.support.patience import AT_ONCE, PATIENCE

FAILED = '{"failed": {"kvs": "cannot be loaded"}}'
ANSWER = '{"asked": {"heartbeat": ""}, "refused": {"heartbeat": "no a.b\\n\\nno"}, "stuck": {}}'

LOADS = f"read q; printf '%s\\n' '{FAILED}'"
JUDGES = f"{LOADS}; read q; printf '%s\\n' '{ANSWER}'"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary directories are made, and where nothing may be left."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    yield directory
    assert list(directory.iterdir()) == []


def held(tmp_path: Path, script: str, seconds: float = PATIENCE, size: int = 1) -> Rehearsed:
    flux = tmp_path / "flux"
    flux.write_text(f"#!/bin/sh\n{script}\n")
    flux.chmod(0o755)
    candidate = Configuration.of({"a": {"b": "x" * size}})
    return rehearse(str(flux), USUAL, EMPTY, candidate, seconds)


def test_what_is_said_is_passed_on(tmp_path: Path) -> None:
    found = held(
        tmp_path,
        f"{JUDGES}; cat >/dev/null",
    )
    assert [str(reason) for reason in found.reasons] == ["heartbeat: a.b: no a.b", "heartbeat: no"]
    assert [str(reason) for reason in found.warnings] == [
        "kvs: could not be rehearsed: cannot be loaded"
    ]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'flux: out of luck' >&2; exit 1", "the instance ended: flux: out of luck"),
        ("exit 0", "the instance ended: it said nothing"),
        ("read q; echo garbage; cat >/dev/null", "no answer that can be read"),
        ("read q; echo '[]'; cat >/dev/null", "no answer that can be read"),
        ("read q; echo '{}'; cat >/dev/null", "no answer that can be read"),
        (f"{LOADS}; read q; echo '{{}}'", "no answer that can be read"),
        (f"{LOADS}; exit 3", "the instance ended"),
        ("tr '\\\\0' x </dev/zero", "no answer that can be read"),
    ],
)
def test_what_is_no_answer_is_no_verdict(tmp_path: Path, script: str, why: str) -> None:
    found = held(tmp_path, script)
    assert (found.said, found.reasons) == ({}, ())
    assert why in found.why_none
    assert len(found.warnings) == 1


@pytest.mark.parametrize(
    "script",
    [
        "sleep 600",
        "trap '' TERM HUP INT; while :; do sleep 1; done",
        f"{LOADS}; sleep 600",
    ],
)
@pytest.mark.parametrize("size", [1, 1_000_000])
def test_one_that_hangs_is_no_verdict(tmp_path: Path, script: str, size: int) -> None:
    began = time.monotonic()
    found = held(tmp_path, script, 0.5, size)
    assert "not done in time" in found.why_none
    assert time.monotonic() - began < AT_ONCE


def test_one_that_has_answered_and_does_not_end_has_answered(tmp_path: Path) -> None:
    script = f"{JUDGES}; sleep 600"
    found = held(tmp_path, script, 1.0)
    assert found.why_none == ""
    assert found.reasons
