# SPDX-License-Identifier: LGPL-3.0-or-later
"""zsh and fish complete by what `flux completion` prints: real ones, where they are installed."""

import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.client_calls import ROOT
from tests.support.patience import PATIENCE, until

LINES = [
    ("flux con", "config"),
    ("flux config rel", "reload"),
    ("flux config reload --if", "--if-generation"),
    ("flux module load heart", "heartbeat"),
    ("flux-accord con", "config"),
]

ZSH = """\
autoload -Uz compinit; compinit -u -D
eval "$(flux completion zsh)"
report() { print -r -- "$BUFFER" >>$OUT; BUFFER=; }
zle -N report; bindkey '^X' report
print -r -- ready >>$OUT
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """In which `flux` and `flux-accord` are those of this tree."""
    for name, module in (("flux", "cli.main"), ("flux-accord", "cli.accord.main")):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"\n')
        program.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    return {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path, "HOME": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path), "TERM": "dumb"}  # fmt: skip


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish")
def test_fish(environment: dict[str, str]) -> None:
    asked = "\n".join(f"echo '== {line}'; complete -C '{line}'" for line, _ in LINES)
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"flux completion fish | source\n{asked}"],
        text=True, capture_output=True, env=environment, timeout=PATIENCE,
    )  # fmt: skip
    offered = {
        line: [candidate.split("\t")[0] for candidate in candidates]
        for line, *candidates in (part.splitlines() for part in done.stdout.split("== ")[1:])
    }
    assert offered == {line: [wanted] for line, wanted in LINES}, done.stderr
    assert "config\tlook at and change the configuration\n" in done.stdout


@pytest.fixture
def zsh(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Types into a zsh, presses Tab, and tells what the line is then."""
    told = tmp_path / "told"
    told.touch()
    (tmp_path / "setup").write_text(ZSH)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe("zsh", ["zsh", "-f", "-i"], {**environment, "OUT": str(told)})
    os.set_blocking(terminal, False)

    def lines() -> list[str]:
        with suppress(BlockingIOError, OSError):  # what it shows must be read, or it waits
            while os.read(terminal, 65536):
                pass
        return told.read_text().splitlines()

    def typed(text: str) -> str:
        before = len(lines())
        os.write(terminal, text.encode())
        until(lambda: len(lines()) > before, f"zsh has answered {text!r}")
        return lines()[-1]

    try:
        assert typed(f". {tmp_path}/setup\r") == "ready"
        yield lambda line: typed(f"{line}\t\x18")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh")
def test_zsh(zsh: Callable[[str], str]) -> None:
    for line, wanted in LINES:
        assert zsh(line) == f"{line.rpartition(' ')[0]} {wanted} "
    assert zsh("flux module load job-") == "flux module load job-", "there are several"
