# SPDX-License-Identifier: LGPL-3.0-or-later
"""Checks that misbehave: they hang, flood, hide, ignore signals; and what is left of them."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from participant.module import StagedSettings, Undecided
from participant.modules.checks import Checks
from protocol import limits
from protocol.configuration import Configuration
from protocol.reasons import Refusal
from tests.support.broker import RunningBroker
from tests.support.patience import AT_ONCE, until

SLEEP = "300"
"""Seconds; far longer than any test waits."""


def script(directory: Path, text: str) -> list[str]:
    """A command that runs this shell script."""
    path = directory / f"check-{len(list(directory.iterdir()))}"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return [str(path)]


def judged(module: Checks, *commands: list[str], timeout: str = "300ms") -> list[str]:
    """The reasons of these checks."""
    checks = [
        {"name": f"c{number}", "command": command, "timeout": timeout}
        for number, command in enumerate(commands)
    ]
    answer = module.judge(Configuration.of({"checks": checks, "x": "y" * 300_000}))
    return [reason.message for reason in answer.reasons] if isinstance(answer, Refusal) else []


def alive(mark: Path) -> list[int]:
    """The processes that hold a file open, or have it among their words; zombies have neither."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if str(mark).encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def children() -> list[str]:
    """Our children, zombies among them."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [pid for pid in found if "check-" in _name(pid)]


def _name(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")[0]
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (f"exec sleep {SLEEP}", ["did not answer within 0.3 s and was killed"]),
        (
            f"trap '' TERM INT HUP; echo deaf >&2; sleep {SLEEP}; sleep {SLEEP}",
            ["did not answer within 0.3 s and was killed", "deaf"],
        ),
        ("kill -SEGV $$", ["was killed by SIGSEGV, and did not say why"]),
        ("exec 0<&-; echo closed >&2; exit 1", ["closed"]),
        ("exit 1", ["exited with status 1, and did not say why"]),
        (f"sleep {SLEEP} & echo left >&2; exit 2", ["left"]),
        (f"exec 2>&-; exec sleep {SLEEP}", ["did not answer within 0.3 s and was killed"]),
        (f"kill -STOP $$; sleep {SLEEP}", ["did not answer within 0.3 s and was killed"]),
    ],
    ids=["hangs", "deaf", "signal", "closes-stdin", "reads-nothing", "child", "mute", "stopped"],
)
def test_whatever_it_does_it_is_a_no_and_nothing_is_left(
    tmp_path: Path, text: str, reasons: list[str]
) -> None:
    module = Checks()
    before = len(os.listdir("/proc/self/fd"))
    command = script(tmp_path, text)
    assert judged(module, command) == [f"c0: {reason}" for reason in reasons]
    until(lambda: not alive(tmp_path), "all of it is gone")
    assert children() == [], "no zombie"
    assert len(os.listdir("/proc/self/fd")) == before, "no descriptor"
    assert judged(module, ["true"]) == [], "and the next ones are asked as ever"


def test_one_that_floods_stderr_is_read_and_cut(tmp_path: Path) -> None:
    flood = script(tmp_path, "yes no no no >&2")
    reasons = judged(Checks(), flood)
    assert reasons[0] == "c0: did not answer within 0.3 s and was killed"
    assert len(reasons) == 1 + limits.CHECK_LINES
    assert reasons[-1] == "c0: no no no … (cut)"
    much = script(tmp_path, "head -c 3000000 /dev/zero | tr '\\0' a >&2; exit 1")
    (reason,) = judged(Checks(), much, timeout="60s")
    assert len(reason) < limits.CHECK_OUTPUT_BYTES + 100


def test_what_it_inherits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/nobody")
    leaks = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(leaks, True)
    told = tmp_path / "told"
    command = script(
        tmp_path,
        f"exec {sys.executable} -I -S -c \"import os; found = sorted(os.listdir('/proc/self/fd')); "
        f"open('{told}', 'w').write(repr((found[:-1], sorted(os.environ), os.getcwd(), "
        'os.getpgid(0) == os.getpid())))"',
    )
    assert judged(Checks(), command, timeout="60s") == []
    descriptors, environment, directory, leads = eval(told.read_text())  # noqa: S307
    os.close(leaks)
    assert descriptors == ["0", "1", "2"]
    assert set(environment) <= {"FLUX_ACCORD_CHECK", "LANG", "LC_CTYPE", "PATH", "PWD"}
    assert (directory, leads) == ("/", True)


def test_no_check_can_change_what_others_read(tmp_path: Path) -> None:
    scribble = script(tmp_path, "echo x > /proc/self/fd/0 && exit 0; exit 1")
    assert judged(Checks(), scribble, timeout="60s") != []


def test_many_at_once_and_together_within_their_time(tmp_path: Path) -> None:
    module = Checks()
    commands = [["sh", "-c", f"sleep {SLEEP}; {number}"] for number in range(20)]
    began = time.monotonic()
    answer = module.judge(
        Configuration.of(
            {
                "checks": [
                    {"name": f"c{number}", "command": command, "timeout": "30s"}
                    for number, command in enumerate(commands)
                ]
            }
        ),
        allowed=1.0,
    )
    assert isinstance(answer, Refusal)
    assert time.monotonic() - began < AT_ONCE
    messages = [reason.message for reason in answer.reasons]
    assert len(messages) == 20
    assert sum("was killed" in message for message in messages) == limits.CHECKS_AT_ONCE
    assert sum("was not asked: no time was left" in message for message in messages) == 12


def test_they_end_with_their_module(tmp_path: Path) -> None:
    command = script(tmp_path, f"echo > {tmp_path}/began; sleep {SLEEP}; :")
    text = (
        "from participant.modules.checks import Checks\n"
        "from protocol.configuration import Configuration\n"
        f"check = {{'name': 'c', 'command': {command!r}, 'timeout': '60s'}}\n"
        "Checks().start_judging(Configuration.of({'checks': [check]}))\n"
        "import time; time.sleep(300)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", text])
    until((tmp_path / "began").exists)
    process.kill()
    process.wait()
    until(lambda: not [pid for pid in alive(tmp_path) if _name(str(pid)).startswith("check")])


def test_a_command_is_never_run_twice_at_once(tmp_path: Path) -> None:
    """One that cannot be killed (its last run is not gone) is not started again."""
    module = Checks()
    command = script(tmp_path, f"sleep {SLEEP}")
    tree = Configuration.of({"checks": [{"name": "c", "command": command, "timeout": "60s"}]})
    first = module.start_judging(tree)
    assert isinstance(first, Undecided)
    second = module.judge(tree)
    assert isinstance(second, Refusal)
    assert "is not gone, so it is not asked again" in second.reasons[0].message
    first.later.cancel()
    first.later.wait()
    assert isinstance(module.end_judging(first), Refusal)
    twice = [{"name": name, "command": ["sleep", "0.2"]} for name in ("a", "b")]
    began = time.monotonic()
    assert isinstance(module.judge(Configuration.of({"checks": twice})), StagedSettings)
    assert time.monotonic() - began >= 0.4, "one after the other"


# In a broker


def ask(broker: RunningBroker, *arguments: str) -> subprocess.CompletedProcess[str]:
    return broker.config("reload", *arguments)


def checks_toml(**commands: Any) -> str:
    return "".join(
        f'[[checks]]\nname = "{name}"\ncommand = {command!r}\ntimeout = "60s"\n'
        for name, command in commands.items()
    )


def test_a_broker_and_its_checks(tmp_path: Path) -> None:
    """A refusal with its place; an abort reaches a check that runs; who else may name one."""
    broker = RunningBroker(modules=True).start()
    try:
        slow = script(tmp_path, f"echo > {tmp_path}/pid; sleep {SLEEP}; : {tmp_path}/slow")
        slow.append(f"{tmp_path}/slow")
        fast = script(tmp_path, "cat > /dev/null; echo heartbeat.period: too fast >&2; exit 1")
        broker.write_text('[heartbeat]\nperiod = "1s"\n' + checks_toml(fast=fast))
        refused = ask(broker)
        assert refused.returncode == 1
        assert "checks: heartbeat.period: fast: too fast (" in refused.stderr
        assert ":2:1)" in refused.stderr
        broker.write_text(checks_toml(slow=slow))
        for dry_run in ([], ["--dry-run"]):
            change = broker.begin("config", "reload", "--timeout", "300s", *dry_run)
            until((tmp_path / "pid").exists, "the check runs")
            assert broker.json("get", "--default={}", "x") == {}, "readers are answered meanwhile"
            change.terminate()
            change.communicate()
            until(lambda: not alive(tmp_path / "slow"), "it is killed", AT_ONCE)
            (tmp_path / "pid").unlink()
        broker.write_text(checks_toml(yes=["true"]))
        broker.good("reload")
        (broker.files / "a.toml").chmod(0o666)
        refused = ask(broker)
        assert "would be run as this user" in refused.stderr
        assert refused.returncode == 1
    finally:
        broker.close()
