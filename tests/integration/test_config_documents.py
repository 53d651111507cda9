# SPDX-License-Identifier: LGPL-3.0-or-later
"""What docs/json.md says is what is printed; and command lines complete."""

import json
import os
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
    assert code("config", "nonsense", status=2) == "usage"
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


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_is_told_how(broker: RunningBroker, shell: str) -> None:
    done = broker.flux("completion", shell)
    assert done.returncode == 0
    assert "flux" in done.stdout
    assert broker.flux("completion", "tcsh").returncode == 2
