# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config validate`: no broker, the modules' own judgement, and the places of all faults."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.broker import RunningBroker
from tests.support.client_calls import ROOT

NO_BROKER = {**os.environ, "FLUX_URI": ""}

PICKY = """\
from participant import Module, Reject

class Picky(Module):
    table = "picky"

    class Config(Module.Config):
        number: int = 1

    def prepare(self, new, config):
        if new.number == 13:
            raise Reject("is unlucky", key="number")
        if new.number == 14:
            raise ZeroDivisionError("oops")
        while new.number == 15:
            pass
"""


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    """A broker with the bundled modules, to compare with."""
    found = RunningBroker("", modules=True).start()
    yield found
    found.close()


def validate(broker: RunningBroker, *arguments: str) -> tuple[int, str, str]:
    done = broker.config("validate", *arguments, env=NO_BROKER)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ('[heartbeat]\nperiod = "0s"\n', ["a.toml:2:1"]),
        ('[heartbeat]\nperiod = "1s"\ntimeout = "1s"\n', ["a.toml:3:1"]),
        ("[tbon]\ntorpid_max = 5\n\n[heartbeat]\nperiod = 2\n", ["a.toml:2:1", "a.toml:5:1"]),
        ("[resource]\nnope = 1\n", ["a.toml:2:1"]),
        ("[access]\nallow-guest-user = 1\n", ["a.toml:2:1"]),
        ('a = "unfinished\n', ["a.toml:1:16"]),
    ],
)
def test_it_says_what_a_reload_says_with_file_and_line(
    broker: RunningBroker, text: str, places: list[str]
) -> None:
    broker.write_text(text)
    status, printed, said = validate(broker, str(broker.files))
    assert (status, printed) == (1, "")
    for place in places:
        assert f"{place})" in said
    reload = broker.refused("reload").splitlines()
    assert sorted(said.splitlines()) == sorted(reload[:-1])


def test_what_it_accepts_a_reload_accepts(broker: RunningBroker) -> None:
    broker.write_text('[heartbeat]\nperiod = "3s"\n')
    status, printed, said = validate(broker, str(broker.files))
    assert (status, said) == (0, "")
    assert printed.startswith("valid: ")
    broker.good("reload")


def test_unknown_tables_and_keys_are_warnings_and_strictly_errors(broker: RunningBroker) -> None:
    broker.write_text('[tbonn]\nx = 1\n\n[kvs]\ncheckpoint_period = "1s"\n')
    status, _, said = validate(broker, str(broker.files))
    assert status == 0
    assert "warning: tbonn: unknown table, which no module reads; did you mean tbon?" in said
    assert "did you mean checkpoint-period?" in said
    assert f"({broker.files}/a.toml:5:1)" in said
    status, printed, said = validate(broker, "--strict", str(broker.files))
    assert (status, printed) == (1, "")
    assert "warning" not in said
    assert "tbonn: unknown table" in said


def test_any_file_name_is_taken_as_toml_for_a_manager_of_configurations(
    broker: RunningBroker,
) -> None:
    """Ansible gives its candidate under a name of its own."""
    candidate = broker.root / ".ansible_tmp_x17"
    candidate.write_text('[heartbeat]\nperiod = "0s"\n')
    status, _, said = validate(broker, str(candidate))
    assert status == 1
    assert ".ansible_tmp_x17:2:1" in said


def test_modules_of_ones_own_are_asked_too(broker: RunningBroker, tmp_path: Path) -> None:
    module = tmp_path / "picky.py"
    module.write_text(PICKY)
    file = tmp_path / "c.toml"
    file.write_text("[picky]\nnumber = 13\n")
    named = f"--module={module}"
    assert validate(broker, str(file))[0] == 0, "without it the table is merely unknown"
    status, _, said = validate(broker, named, str(file))
    assert status == 1
    assert f"picky: picky.number: is unlucky ({file}:2:1)" in said
    file.write_text("[picky]\nnumber = 14\n")
    assert "prepare raised ZeroDivisionError: oops" in validate(broker, named, str(file))[2]
    file.write_text("[picky]\nnumber = 15\n")
    status, _, said = validate(broker, named, "--timeout=1s", str(file))
    assert (status, "picky: did not answer within 1 s" in said) == (1, True)
    file.write_text("[picky]\nnumber = 1\n")
    assert validate(broker, named, str(file))[0] == 0
    assert validate(broker, "--module=/nowhere.py", str(file))[0] == 1
    (tmp_path / "broken.py").write_text("this is no Python")
    assert "broken.py:1" in validate(broker, f"--module={tmp_path}/broken.py", str(file))[2]


def test_a_start_is_judged_by_more_than_a_reload(broker: RunningBroker) -> None:
    broker.write_text('[resource]\npath = "/nowhere"\nexclude = "0-99"\n\n[tbon]\ntopo = "wrong"\n')
    live = validate(broker, str(broker.files))[2]
    start = validate(broker, "--start", str(broker.files))[2]
    assert "warning: overlay: tbon.topo: would be refused at the next start" in live
    assert "flux-config: overlay: tbon.topo: " in start
    broker.write_text('[tbon]\ntopo = "wrong"\n')
    assert validate(broker, str(broker.files))[0] == 0
    assert validate(broker, "--start", str(broker.files))[0] == 1
    assert validate(broker, "--strict", str(broker.files))[0] == 1
    assert validate(broker, "--no-start", "--strict", str(broker.files))[0] == 0


def test_the_answer_for_programs(broker: RunningBroker) -> None:
    broker.write_text('[tbonn]\n\n[heartbeat]\nperiod = "0s"\n')
    status, printed, said = validate(broker, "--json", str(broker.files))
    found = json.loads(printed)
    assert (status, said) == (1, "")
    assert (found["version"], found["valid"]) == (1, False)
    (reason,) = found["reasons"]
    assert (reason["module"], reason["key"], reason["line"]) == ("heartbeat", "heartbeat.period", 4)
    assert found["warnings"][0]["key"] == "tbonn"
    assert "heartbeat" in found["modules"]


def test_the_example_of_a_whole_system_is_valid(broker: RunningBroker) -> None:
    assert validate(broker, str(ROOT / "examples" / "system-conf.d"))[0] == 0


def test_checks_are_run_unless_others_could_have_named_them(
    broker: RunningBroker, tmp_path: Path
) -> None:
    command = ["sh", "-c", "echo x: no such thing >&2; exit 1"]
    file = tmp_path / "a.toml"
    file.write_text(f'x = 1\n[[checks]]\nname = "site"\ncommand = {json.dumps(command)}\n')
    file.chmod(0o644)
    done = broker.refused("validate", str(file))
    assert f"checks: x: site: no such thing ({file}:1:1)" in done
    skipped = broker.config("validate", "--no-checks", str(file))
    assert skipped.returncode == 0
    assert "warning: checks: its commands were not run: --no-checks" in skipped.stderr
    file.chmod(0o646)
    untrusted = broker.config("validate", str(file))
    assert untrusted.returncode == 0
    assert "its commands were not run" in untrusted.stderr
    assert "can be written by everybody" in untrusted.stderr
    assert broker.config("validate", "--strict", str(file)).returncode == 1
