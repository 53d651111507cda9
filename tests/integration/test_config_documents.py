# SPDX-License-Identifier: LGPL-3.0-or-later
"""What docs/json.md says is what is printed; and command lines complete."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.commands.config.main import COMMANDS
from tests.support.broker import RunningBroker
from tests.support.client_calls import FLUX, ROOT
from tests.support.schemas import conforms


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    """With the bundled modules."""
    found = RunningBroker('[heartbeat]\nperiod = "2s"\n', modules=True).start()
    yield found
    found.close()


def test_every_answer_has_the_shape_that_is_documented(broker: RunningBroker) -> None:
    conforms("status", broker.json("status", "--json"))
    committed = broker.json("set", "heartbeat.period", "3s", "--json")
    conforms("outcome", committed)
    refused = json.loads(broker.config("set", "heartbeat.period", "0s", "--json").stdout)
    conforms("outcome", refused)
    conforms("reason", refused["reasons"][0])
    failed = json.loads(broker.config("set", "-t", "x", "a", "1", "--json").stdout)
    conforms("failure", failed)
    conforms("outcome", broker.json("reload", "--json", "--confirm=1m"))
    conforms("status", broker.json("status", "--json"))
    conforms("outcome", broker.json("confirm", "--json"))
    conforms("history", broker.json("history", "--json"))
    conforms("show", broker.json("show", "1", "--json"))
    conforms("diff", broker.json("diff", "1", "2", "--json"))
    conforms("dump", broker.json("dump", "--json"))
    conforms("validate", broker.json("validate", "--json", str(broker.files)))
    conforms("modules", json.loads(broker.flux("module", "list", "--json").stdout))
    values = broker.flux("module", "config", "get", "heartbeat", "--json").stdout
    conforms("values", json.loads(values))
    watcher = subprocess.Popen([*FLUX, "config", "watch"], env=broker.environment,
                               stdout=subprocess.PIPE)  # fmt: skip
    assert watcher.stdout is not None
    conforms("watch", json.loads(watcher.stdout.readline()))
    watcher.kill()
    watcher.communicate()


def test_what_cannot_be_answered_is_answered_in_json(broker: RunningBroker, tmp_path: Path) -> None:
    def code(*arguments: str, status: int = 1, **environment: str) -> str:
        done = subprocess.run([*FLUX, *arguments, "--json"], capture_output=True, text=True,
                              env={**broker.environment, **environment})  # fmt: skip
        assert done.stderr, "people are told, too"
        document = json.loads(done.stdout)
        conforms("failure", document)
        assert document["status"] == done.returncode == status
        return str(document["code"])

    nobody = f"local://{tmp_path}/none"
    assert code("config", "status", FLUX_URI=nobody) == "no-broker"
    assert code("config", "reload", FLUX_URI="") == "no-broker"
    assert code("module", "list", FLUX_URI=nobody) == "no-broker"
    assert code("config", "load", str(tmp_path / "none.toml")) == "unreadable"
    assert code("config", "reload", "-m", "x" * 1001) == "too-large"
    assert code("config", "show", "99") == "not-found"
    assert code("config", "diff", "1", "99") == "not-found"
    assert code("config", "history", "-n", "none", status=2) == "usage"
    assert code("config", "nonsense") == "usage"
    assert code("module", "load", "nonsense") == "not-found"
    assert code("modinfo", "nonsense") == "not-found"
    stranger = tmp_path / "stranger"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(stranger))
        listener.listen()
        answer = threading.Thread(target=lambda: listener.accept()[0].sendall(b"\0"))
        answer.start()
        assert code("config", "status", FLUX_URI=f"local://{stranger}") == "not-flux-accord"
        answer.join()


def test_reasons_have_codes(broker: RunningBroker, tmp_path: Path) -> None:
    def codes(*arguments: str) -> list[str]:
        document = json.loads(broker.config(*arguments, "--json").stdout)
        return [reason["code"] for reason in document["reasons"]]

    assert codes("set", "heartbeat.period", "0s") == ["invalid"]
    assert codes("set", "-t", "boolean", "access.allow-guests", "true") == ["unknown-key"]
    assert codes("reload", "--if-generation=99") == ["stale-generation"]
    assert codes("confirm") == ["not-found"]
    assert codes("rollback", "99") == ["not-found"]
    (tmp_path / "bad.toml").write_text("a =\n")
    assert codes("load", str(tmp_path / "bad.toml")) == ["syntax"]
    assert codes("validate", str(tmp_path / "bad.toml")) == ["syntax"]
    assert codes("validate", str(tmp_path / "none.toml")) == ["unreadable"]


def test_get_imports_nothing_that_takes_long(broker: RunningBroker) -> None:
    program = (
        "import sys; before = set(sys.modules); import cli.main;"
        "assert cli.main.main(['config', 'get', 'heartbeat.period']) == 0;"
        "print(*sorted(set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], env=broker.environment,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    imported = {name.partition(".")[0] for name in done.stderr.split()}
    slow = {"pydantic", "tomli", "zmq", "msgpack", "structlog", "coordinator", "participant",
            "protocol", "typing", "dataclasses", "sqlite3", "subprocess"}  # fmt: skip
    assert imported & {"argparse", "json", "socket"}, "it was watched at all"
    assert not imported & slow


def test_every_command_is_on_the_page() -> None:
    page = (ROOT / "docs" / "config.md").read_text()
    for command in COMMANDS:
        assert f"flux config {command}" in page, command


def completions(line: str, tmp_path: Path, **environment: str) -> set[str]:
    """What a shell would be told, by the protocol of argcomplete."""
    out = tmp_path / "completions"
    done = subprocess.run(
        FLUX,
        env={**os.environ, "PYTHONPATH": str(ROOT), "_ARGCOMPLETE": "1", "COMP_LINE": line,
             "COMP_POINT": str(len(line)), "_ARGCOMPLETE_STDOUT_FILENAME": str(out),
             "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_SUPPRESS_SPACE": "1", **environment},
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {line.strip() for line in out.read_text().split("\n")} - {""}


def test_command_lines_complete(broker: RunningBroker, tmp_path: Path) -> None:
    assert {"config", "module", "start"} <= completions("flux ", tmp_path)
    assert completions("flux con", tmp_path) == {"config"}
    assert set(COMMANDS) <= completions("flux config ", tmp_path)
    assert completions("flux config re", tmp_path) == {"reload"}
    assert completions("flux config reload --if", tmp_path) == {"--if-generation"}
    assert "load" in completions("flux module l", tmp_path)
    uri = broker.environment["FLUX_URI"]
    assert "heartbeat.period" in completions("flux config get heart", tmp_path, FLUX_URI=uri)
    assert completions("flux config get heart", tmp_path, FLUX_URI="local:///nowhere") == set()
    assert {"job-exec", "job-list"} <= completions("flux module load job-", tmp_path)
    assert "--strict" in completions("flux accord config set --st", tmp_path)
    assert "config" in completions("flux accord con", tmp_path)
    assert "config" in completions("flux-accord con", tmp_path)


def test_names_that_the_broker_knows_complete(broker: RunningBroker, tmp_path: Path) -> None:
    uri = broker.environment["FLUX_URI"]

    def offered(line: str) -> set[str]:
        return completions(line, tmp_path, FLUX_URI=uri)

    broker.good("set", "--type=integer", "mine.n", "1")
    running = str(broker.generation)
    if "heartbeat" not in broker.members():
        assert broker.flux("module", "load", "heartbeat").returncode == 0
    for command in ("remove", "reload", "stats", "config get", "unload"):
        assert offered(f"flux module {command} heart") == {"heartbeat"}, command
    assert offered("flux getattr run") == {"rundir", "rundir-cleanup"}
    assert "log-" not in offered("flux setattr nosuch")
    for command in ("show", "rollback", "diff"):
        assert running in offered(f"flux config {command} "), command
    assert {"running", "files"} <= offered("flux config diff 1 ")
    assert running in offered("flux config set --if-generation ")


SHELL = """\
eval "$(flux completion bash)"
complete -p flux flux-accord >&2
COMP_LINE='{line}' COMP_POINT={point} COMP_TYPE=9 COMP_KEY=9
COMP_WORDS=({line}) COMP_CWORD={word}
_python_argcomplete flux '{last}'
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(
    ("line", "wanted"), [("flux con", "config"), ("flux module load heart", "heartbeat")]
)
def test_bash_completes_by_what_it_is_told(line: str, wanted: str, tmp_path: Path) -> None:
    """The function that bash is given, called as bash calls it."""
    (tmp_path / "flux").write_text(f'#!/bin/sh\nexec {sys.executable} -m cli.main "$@"\n')
    (tmp_path / "flux").chmod(0o755)
    words = line.split()
    script = SHELL.format(line=line, point=len(line),
                          word=len(words) - 1, last=words[-1])  # fmt: skip
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(["bash", "-c", script], text=True, capture_output=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": path})  # fmt: skip
    assert done.stdout.split() == [wanted], done.stderr
    assert "-F _python_argcomplete flux-accord" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_is_told_how(broker: RunningBroker, shell: str) -> None:
    done = broker.flux("completion", shell)
    assert done.returncode == 0
    assert "flux" in done.stdout
    assert broker.flux("completion", "tcsh").returncode == 2
