# SPDX-License-Identifier: LGPL-3.0-or-later
"""A start that is refused ends with its reasons, however busy the machine is.

What is tested first is where the race was: between the fork server's answer and the moment at which
the new process is the broker's to reap, and between that answer and the end of the broker.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.client_calls import FLUX, ROOT
from tests.support.patience import PATIENCE

PRELUDE = """
import ctypes, json, os, socket, subprocess, sys
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER, as the broker does
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server = subprocess.Popen([sys.executable, "-m", "participant.runtime.fork_server",
                           str(theirs.fileno()), str(os.getpid())], pass_fds=[theirs.fileno()])
request = json.dumps([1, "m", "/nowhere/module.py"]).encode()
a_connection, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

def ask():
    socket.send_fds(ours, [request], [a_connection.fileno()])
"""
REAPABLE = """
early = 0
for _ in range(60):
    ask()
    _, pid, _ = json.loads(ours.recv(4096))
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        early += 1
server.kill()
server.wait()
sys.exit(min(early, 100))
"""
DEAF = """
ours.shutdown(socket.SHUT_RD)
for _ in range(5):
    ask()
ours.shutdown(socket.SHUT_WR)
server.wait()
"""


def run(program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", PRELUDE + program], cwd=ROOT, text=True,
                          capture_output=True, timeout=2 * PATIENCE)  # fmt: skip


def test_a_process_is_the_brokers_to_reap_when_its_pid_is_told() -> None:
    done = run(REAPABLE)
    assert done.returncode == 0, f"{done.returncode} of 60 were not; {done.stderr}"
    assert "Traceback" not in done.stderr


def test_a_fork_server_whose_broker_has_ended_says_nothing() -> None:
    done = run(DEAF)
    assert "Traceback" not in done.stderr, done.stderr


@pytest.mark.timeout(300)
def test_refused_starts_beside_busy_processes(tmp_path: Path) -> None:
    """With all bundled modules; some are refused by a module, some before any is started."""
    refused = {"judged": '[heartbeat]\nperiod = "nonsense"\n', "unread": "x = \n"}
    for name, text in refused.items():
        (tmp_path / f"{name}.toml").write_text(text)
    spin = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    try:
        for _ in range(4):
            starts = [
                subprocess.Popen([*FLUX, "start", "-c", str(tmp_path / f"{name}.toml"), "true"],
                                 env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
                                 stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
                for name in refused
            ]  # fmt: skip
            for start in starts:
                _, said = start.communicate(timeout=3 * PATIENCE)
                assert start.returncode == 1, said
                assert "Traceback" not in said
                assert "the broker did not start" in said
    finally:
        for process in spin:
            process.kill()
            process.wait()
