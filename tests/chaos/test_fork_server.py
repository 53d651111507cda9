# SPDX-License-Identifier: LGPL-3.0-or-later
"""The warm process at the limit of processes: a fork that fails is an answer like any other."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from coordinator.core.events import Died, Started
from coordinator.core.requests import Spec
from coordinator.processes.children import Children
from coordinator.runtime.loop import EpollLoop
from tests.chaos.house import PLAIN, ROOT, House, until

_NOBODY = 65534


# As somebody who may have no more processes (setrlimit(2), RLIMIT_NPROC; root always may).
_POOR = f"""
import os, resource, sys
from participant.runtime.fork_server import main
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
if os.geteuid() == 0:
    os.setgid({_NOBODY})
    os.setuid({_NOBODY})
main(int(sys.argv[1]), int(sys.argv[2]))
"""


def test_a_fork_that_fails_is_an_answer() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server = subprocess.Popen(
        [sys.executable, "-c", _POOR, str(theirs.fileno()), str(os.getpid())],
        cwd=ROOT, pass_fds=[theirs.fileno()],
    )  # fmt: skip
    theirs.close()
    try:
        ours.settimeout(30)
        for ticket in (7, 8):
            ours.send(json.dumps([ticket, "a", "ipc://nowhere", str(PLAIN)]).encode())
            told, pid, why_not = json.loads(ours.recv(4096))
            assert (told, pid) == (ticket, 0)
            assert why_not.startswith("fork: ")
    finally:
        server.kill()
        server.wait()
        ours.close()


def test_a_late_answer_is_that_of_its_own_start(tmp_path: Path) -> None:
    """A start is given up and another of the same name asked for, before the first is answered."""
    told: list[Started | Died] = []
    children = Children(f"ipc://{tmp_path}/nowhere", EpollLoop())
    children.attach(told.append)
    try:
        children.start("a", Spec(str(PLAIN)), 1)
        children.kill(1)
        children.start("a", Spec(str(PLAIN)), 2)

        def started() -> bool:
            children.collect()
            return any(isinstance(event, Started) for event in told)

        until(started, what="the second is there")
        assert [event.ticket for event in told if isinstance(event, Started)] == [2]
    finally:
        children.close()


def test_a_load_is_given_up_and_the_next_of_its_name_is_another(house: House) -> None:
    """The file that runs is the one that was asked for last, however late the first answer is."""
    command = [sys.executable, "-m", "cli.main", "broker", "-c", str(house.files),
               "-S", f"rundir={house.rundir}", "-S", f"statedir={house.statedir}",
               "-S", "broker.rc1_path="]  # fmt: skip
    with house.log.open("ab") as log:
        house.broker = subprocess.Popen(command, cwd=ROOT, env=house.environment, stderr=log,
                                        stdin=subprocess.DEVNULL)  # fmt: skip
    house.wait_until_open()
    first, second = house.root / "first.py", house.root / "second.py"
    for path in (first, second):
        path.write_text(PLAIN.read_text())
    assert house.load_module("warm", PLAIN)["result"] == "loaded"
    server = _fork_server_of(house.broker.pid)
    os.kill(server, signal.SIGSTOP)
    try:
        given_up = house.load_module("a", first, timeout=0.3)
        assert given_up["result"] == "refused"
        client = house.begin("module", "load", "--name", "a", str(second))
        time.sleep(0.5)
    finally:
        os.kill(server, signal.SIGCONT)
    _, err = client.communicate(timeout=60)
    shown = house.members().get("a")
    if client.returncode == 0:
        assert shown is not None
        assert shown["path"] == str(second)
    else:  # the name was still that of the one that is being ended
        assert "is loaded already" in err


def _fork_server_of(pid: int) -> int:
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            command = (directory / "cmdline").read_bytes()
            parent = (directory / "stat").read_text().rpartition(")")[2].split()[1]
        except (FileNotFoundError, ProcessLookupError):
            continue
        name = (directory / "comm").read_text()
        if b"runtime.fork_server" in command and int(parent) == pid and name.startswith("python"):
            return int(directory.name)
    raise AssertionError("no fork server")
