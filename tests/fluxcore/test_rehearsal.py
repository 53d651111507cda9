# SPDX-License-Identifier: LGPL-3.0-or-later
"""Rehearsals: what Flux's own modules say, and no module of a running instance hears of it."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.files.reading import Unreadable
from participant.fluxcore.rehearsal import BUILT_IN, USUAL, Rehearsed, Stage, rehearse
from participant.fluxcore.throwaway import NoRehearsal
from participant.fluxcore.validators import judge
from protocol.configuration import EMPTY, Configuration
from tests.conformance.test_flux_corpus import CASES, read_case, write_surroundings
from tests.fluxcore.instance import Instance
from tests.support.client_calls import ROOT
from tests.support.patience import PATIENCE, until
from tests.support.real_flux import outside, real_flux

BROKEN = Configuration.of({"heartbeat": {"period": "never"}, "ingest": {"batch-count": "x"}})
TORPID = Configuration.of({"tbon": {"torpid_min": "5s", "torpid_max": "30s"}})
"""The defaults, said: overlay keeps what it has where they are left out; {} puts nothing back."""

LATER = {"exec-010", "policy-082", "queues-017", "queues-018", "queues-021", "cross-012", "dir-022"}
"""Accepted by the recorded broker, which was built after the release 0.88.0: exec.method = bgexec,
and queues with a parent.  The release refuses them; either is right."""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary directories are made, and where nothing may be left."""
    directory = Path(tempfile.mkdtemp(prefix="rh-"))  # short; tmp_path is made before it
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    yield directory
    monkeypatch.undo()
    until(lambda: not processes_at(directory), "no process is left")
    until(lambda: list(directory.iterdir()) == [], "no file is left")
    directory.rmdir()


def processes_at(directory: Path) -> list[str]:
    """Processes that name the directory in their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(directory) in command:
            found.append(command)
    return found


def held(candidate: Configuration, in_force: Configuration = EMPTY, *more: str) -> Rehearsed:
    flux = real_flux()
    assert flux is not None
    return rehearse(flux, [*USUAL, *more], in_force, candidate, PATIENCE)


def test_all_modules_say_their_reasons() -> None:
    found = held(BROKEN)
    assert found.why_none == ""
    assert {reason.module for reason in found.reasons} == {"heartbeat", "job-ingest"}
    assert "heartbeat.period" in found.reasons[0].message
    assert set(found.said) == {*BUILT_IN, *USUAL}
    assert found.warnings == ()


def test_a_good_one_is_accepted() -> None:
    found = held(Configuration.of({"heartbeat": {"period": "3s"}}), TORPID, "sdbus", "sdexec")
    assert (found.reasons, found.warnings) == ((), ())
    assert found.said["sdexec"].reasons == ()


def test_what_nobody_can_rehearse_is_a_warning() -> None:
    found = held(EMPTY, EMPTY, "site-power")
    assert [str(warning) for warning in found.warnings] == [
        "site-power: could not be rehearsed: only flux-core's own modules are loaded twice"
    ]


def test_a_module_that_refuses_what_is_in_force_is_not_asked() -> None:
    found = held(EMPTY, Configuration.of({"heartbeat": {"period": "never"}}))
    (warning,) = found.warnings
    assert "heartbeat: could not be rehearsed: refuses what is in force: " in str(warning)
    assert "heartbeat" not in found.said
    assert "kvs" in found.said


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.15, 0.25])
def test_at_its_deadline_it_is_no_verdict_and_nothing_is_left(seconds: float) -> None:
    flux = real_flux()
    assert flux is not None
    found = rehearse(flux, USUAL, EMPTY, BROKEN, seconds)
    assert found.said == {} or found.reasons
    assert not found.reasons or found.why_none == ""


def test_no_flux_is_no_verdict() -> None:
    found = rehearse("/nowhere/flux", USUAL, EMPTY, BROKEN, 5.0)
    assert found.said == {}
    assert str(found.warnings[0]) == (
        "rehearsal: could not be held: /nowhere/flux: there is no such program"
    )


def test_whoever_rehearses_may_be_killed(place: Path) -> None:
    """The instance ends when nobody is there any more, and takes its directory with it."""
    program = (
        "import sys, time; from participant.fluxcore.rehearsal import Stage, USUAL;"
        f"stage = Stage({real_flux()!r}, USUAL, seconds={PATIENCE});"
        "print('ready', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE,
                               env={**outside(), "TMPDIR": str(place)})  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    assert processes_at(place)
    process.kill()
    process.wait()
    process.stdout.close()
    until(lambda: not processes_at(place), "it ends")


def test_the_corpus_of_flux(tmp_path: Path) -> None:
    """One instance judges all: between two candidates it runs what was in force again."""
    flux = real_flux()
    assert flux is not None
    write_surroundings(tmp_path)
    asked, differing, alone = 0, [], []
    began = time.monotonic()
    with Stage(flux, USUAL, TORPID, PATIENCE) as stage:
        for line in CASES.read_text().splitlines():
            case = json.loads(line)
            try:
                candidate = read_case(case, tmp_path, tmp_path)
            except Unreadable:
                continue
            stage.extend(PATIENCE)
            asked += 1
            said = stage.give(candidate)
            refused = {name for name, judgement in said.items() if judgement.reasons}
            if refused != set(case["live_modules"] or ()):
                differing.append(case["id"])
            ours = judge([*USUAL, *BUILT_IN], candidate, about_a_start=False)
            if {name for name, judgement in ours.items() if judgement.reasons} != refused:
                alone.append(case["id"])
    print(f"{asked} candidates in {time.monotonic() - began:.1f} s; rehearsal and recording differ "
          f"in {differing}; validators and this Flux in {alone}")  # fmt: skip
    assert asked > 500
    assert set(differing) <= LATER
    assert set(alone) <= LATER


def test_a_rehearsal_says_what_a_change_would(tmp_path: Path) -> None:
    """The same candidates, given to an instance with all of rc1 by `config.load`: the judge."""
    flux = real_flux()
    assert flux is not None
    write_surroundings(tmp_path)
    differing = []
    instance = Instance(1)
    instance.rc = ()
    with instance, Stage(flux, USUAL, TORPID, PATIENCE) as stage:
        for line in CASES.read_text().splitlines():
            case = json.loads(line)
            try:
                candidate = read_case(case, tmp_path, tmp_path)
            except Unreadable:
                continue
            stage.extend(PATIENCE)
            refusals = [judged for judged in stage.give(candidate).values() if judged.reasons]
            refused = not loads(instance, candidate)
            if refused != bool(refusals):
                differing.append(case["id"])
            assert loads(instance, TORPID)
    assert differing == []


def loads(instance: Instance, configuration: Configuration) -> bool:
    """Whether a running instance takes it."""
    try:
        instance.handle(0).call("config.load", configuration.plain(), 0, PATIENCE)
    except OSError:
        return False
    return True


def test_a_stage_outlives_its_candidates() -> None:
    flux = real_flux()
    assert flux is not None
    with Stage(flux, USUAL, EMPTY, PATIENCE) as stage:
        assert stage.give(BROKEN)["heartbeat"].reasons
        assert not stage.give(EMPTY)["heartbeat"].reasons
        stage.extend(0.0)
        with pytest.raises(NoRehearsal, match="not done in time"):
            stage.give(EMPTY)


def validate(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cli.main", "config", "validate", *arguments], cwd=ROOT, text=True,
        env=outside(**environment), capture_output=True, timeout=PATIENCE,
    )  # fmt: skip


def test_validate_with_a_rehearsal(tmp_path: Path) -> None:
    flux = real_flux()
    assert flux is not None
    (tmp_path / "a.toml").write_text('[queues.a]\nrequires = [ "x" ]\n\n[exec]\nmethod = "nope"\n')
    done = validate("--rehearse", str(tmp_path), FLUX_CORE=flux)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    wanted = f"exec.method: unknown exec.method 'nope' (rehearsed) ({tmp_path}/a.toml:5:1)"
    assert f"flux-config: job-exec: {wanted}" in lines, done.stderr
    (tmp_path / "a.toml").write_text('[heartbeat]\nperiod = "3s"\n')
    done = validate("--rehearse", str(tmp_path), FLUX_CORE=flux)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.rstrip().endswith("; rehearsed by 13 of flux-core's own")


def test_validate_without_a_flux_warns(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("")
    done = validate("--rehearse", str(tmp_path), FLUX_CORE="/nowhere/flux")
    assert done.returncode == 0
    assert done.stderr == (
        "flux-config: warning: rehearsal: could not be held: /nowhere/flux: "
        "there is no such program\n"
    )
    assert validate("--rehearse", "--strict", str(tmp_path), FLUX_CORE="/nowhere").returncode == 1
