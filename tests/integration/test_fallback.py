# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux broker --fallback` keeps saying that it fell back, until files have been taken again."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.patience import PATIENCE


def broker(folder: Path, script: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A broker on what `folder` holds, with `script` as its program."""
    flux = f"{sys.executable} -m cli.main"
    command = [*flux.split(), "broker", "-c", str(folder / "conf.toml"), *options,
               "-S", f"rundir={folder}/run", "-S", f"statedir={folder}/state",
               "sh", "-ec", f"flux() {{ {flux} \"$@\"; }}\n{script}"]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_a_broker_that_fell_back_says_so_until_files_are_taken(tmp_path: Path) -> None:
    conf = tmp_path / "conf.toml"
    conf.write_text("[heartbeat]\nperiod = '2s'\n")
    assert broker(tmp_path, "true").returncode == 0
    for text, told in (
        ("[heartbeat]\nperiod = '0s'\n", "heartbeat.period"),
        ("[heartbeat\n", "expected ']'"),
    ):
        conf.write_text(text)
        refused = broker(tmp_path, "true")
        assert refused.returncode == 1
        assert told in refused.stderr
        mend = f"printf \"[heartbeat]\\nperiod = '2s'\\n\" > {conf}"
        script = (
            "flux config status --json; flux config set note 1 -t integer >&2;"
            "flux config status --json; flux config status >&2;"
            f"{mend}; flux config reload >&2; flux config status --json"
        )
        done = broker(tmp_path, script, "--fallback")
        assert done.returncode == 0, done.stderr
        first, after_set, mended = map(json.loads, done.stdout.splitlines())
        for shown in (first, after_set):
            (reason,) = shown["refused_start"]
            assert reason["source"] == str(conf)
            assert reason["line"] in (1, 2)
        assert "started with --fallback: the files were refused" in done.stderr
        assert "refused_start" not in mended


def test_it_goes_back_to_the_newest_generation_that_can_start(tmp_path: Path) -> None:
    """What was set at runtime cannot start, whether the files have changed since or not."""
    conf = tmp_path / "conf.toml"
    conf.write_text("[heartbeat]\nperiod = '2s'\n")
    broken = "flux config set note 1 -t integer; flux config set bootstrap.hosts 42 -t integer"
    first = broker(tmp_path, broken)
    assert first.returncode == 0, first.stderr
    assert "would be refused at the next start" in first.stderr
    for number, text in ((4, conf.read_text()), (6, "[heartbeat]\nperiod = '0s'\n")):
        conf.write_text(text)
        assert broker(tmp_path, "true").returncode == 1
        script = "flux config status --json; flux config get; flux config history --json -n 1; "
        done = broker(tmp_path, script + broken, "--fallback")
        assert done.returncode == 0, done.stderr
        status, running, history = map(json.loads, done.stdout.splitlines()[:3])
        assert status["generation"] == number
        assert status["refused_start"]
        assert running == {"heartbeat": {"period": "2s"}, "note": 1}
        (newest,) = history["history"]
        assert (newest["verb"], newest["generation"]) == ("fallback", number)
