# SPDX-License-Identifier: LGPL-3.0-or-later
"""Modules forked from the warm process: who dies with whom, who reaps whom, what is answered."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.core.events import Died, Started
from coordinator.core.requests import Spec
from coordinator.processes.children import Children
from coordinator.runtime.loop import EpollLoop
from coordinator.transport.socket_pairs import SocketPairs
from tests.chaos.broker import PLAIN, ChaosBroker
from tests.chaos.campaign import wait_stopped
from tests.support.client_calls import ROOT
from tests.support.patience import AT_ONCE, FAR, PATIENCE, until

PR_SET_CHILD_SUBREAPER = 36


def children(pid: int) -> dict[int, str]:
    """The children of a process and their states (proc(5)); the names of modules are their own."""
    found = {}
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (directory / "stat").read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == pid:
            found[int(directory.name)] = state
    return found


def zombies(pid: int) -> list[int]:
    """Children that have ended and were not reaped."""
    return [child for child, state in children(pid).items() if state == "Z"]


def fork_server_of(pid: int) -> int:
    """The process that the modules of this broker are forked from."""
    for child in children(pid):
        if b"participant.runtime.fork_server" in Path(f"/proc/{child}/cmdline").read_bytes():
            name = Path(f"/proc/{child}/comm").read_text()
            if name.startswith("python"):
                return child
    raise AssertionError("no fork server")


def gone(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_fork_server_killed(broker: ChaosBroker) -> None:
    """Its modules run on; the next one comes of another fork server."""
    broker_pid = broker.start_real()
    broker.has_loaded("one", PLAIN)
    one, server = broker.pid("one"), fork_server_of(broker_pid)
    assert Path(f"/proc/{one}/comm").read_text() == "flux-one\n"
    os.kill(server, signal.SIGKILL)
    until(lambda: server not in children(broker_pid), "the fork server is reaped")
    done = broker.flux("module", "load", str(PLAIN))
    assert done.returncode == 0, done.stderr
    assert fork_server_of(broker_pid) != server
    shown = broker.members()
    assert (shown["one"]["pid"], shown["one"]["state"]) == (one, "running")
    assert shown["one"]["restarts"] == 0
    broker.write()
    assert broker.commits()["asked"] == 2
    until(lambda: broker.judge_at_rest() == [], "all have looked at what they run")


def test_fork_server_killed_at_work(broker: ChaosBroker) -> None:
    """Requests that it never read are answered, and not done by the next one."""
    broker_pid = broker.start_real()
    broker.has_loaded("one", PLAIN)
    server = fork_server_of(broker_pid)
    os.kill(server, signal.SIGSTOP)
    wait_stopped(server)
    client = broker.begin("module", "load", "--timeout", FAR, "--name", "two", str(PLAIN))
    until(lambda: "two" in broker.members(), "the load has begun")
    os.kill(server, signal.SIGKILL)
    _, err = client.communicate(timeout=PATIENCE)
    assert client.returncode == 1
    assert "could not be started: the process to fork it from died" in err
    broker.has_loaded("two", PLAIN)
    assert len(children(broker_pid)) == 3, "one, two and the fork server"
    assert broker.judge_at_rest() == []


def test_dead_before_the_broker_knew_of_it(broker: ChaosBroker) -> None:
    """Its pid and its death are found at the same moment, and it is taken for no orphan."""
    broker_pid = broker.start_real()
    broker.has_loaded("one", PLAIN)
    server = fork_server_of(broker_pid)
    path = broker.root / "hasty_end.py"
    path.write_text("import os\nos._exit(3)\n")
    os.kill(server, signal.SIGSTOP)
    wait_stopped(server)
    client = broker.begin("module", "load", "--timeout", FAR, str(path))
    until(lambda: "hasty-end" in broker.members(), "the load has begun")
    os.kill(broker_pid, signal.SIGSTOP)
    wait_stopped(broker_pid)
    os.kill(server, signal.SIGCONT)
    until(lambda: zombies(broker_pid), "the module has come and gone")
    os.kill(broker_pid, signal.SIGCONT)
    _, err = client.communicate(timeout=PATIENCE)
    assert client.returncode == 1
    assert "exited with status 3" in err
    until(lambda: not zombies(broker_pid), "it is reaped")


def test_broker_killed(broker: ChaosBroker) -> None:
    """Everything that it has started is gone at once."""
    broker_pid = broker.start_real()
    for name in ("one", "two", "three"):
        broker.has_loaded(name, PLAIN)
    family = list(children(broker_pid))
    assert len(family) == 4
    broker.end(signal.SIGKILL)
    began = time.monotonic()
    until(lambda: all(gone(pid) for pid in family), "modules and fork server are gone", AT_ONCE)
    print(f"gone after {time.monotonic() - began:.3f} s")


@pytest.fixture(scope="module")
def real() -> Iterator[ChaosBroker]:
    """A broker that modules die in, one after the other."""
    broker = ChaosBroker()
    try:
        broker.start_real()
        yield broker
    finally:
        broker.close()


HEAD = "import os, signal, sys\n"
ENDS = {
    "os._exit(3)": "exited with status 3",
    "os.kill(os.getpid(), signal.SIGKILL)": "killed by SIGKILL",
    "os.abort()": "killed by SIGABRT",
    "sys.exit('not here')": "not here",
    "raise RuntimeError('no such device')": "RuntimeError: no such device",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "def": "invalid syntax",
}


@pytest.mark.parametrize("code", ENDS)
def test_ends_in_its_import(real: ChaosBroker, code: str) -> None:
    assert real.process is not None
    path = real.root / "hasty_end.py"
    path.write_text(HEAD + code + "\n")
    for _ in range(5):  # who notices first, the reaper or the pidfd, is chance
        began = time.monotonic()
        done = real.flux("module", "load", "--timeout", FAR, str(path))
        assert time.monotonic() - began < AT_ONCE, "at once, and not at a deadline"
        assert done.returncode == 1
        assert ENDS[code] in done.stderr
        assert "hasty-end" not in real.members()
        broker_pid = real.process.pid
        until(lambda: not zombies(broker_pid), "it is reaped")  # noqa: B023
    assert len(children(broker_pid)) == 1, "the fork server alone"


def test_orphans_are_reaped(broker: ChaosBroker) -> None:
    """They become children of the broker, which is a subreaper for its modules' sake."""
    broker.start_real()
    broker.has_loaded("one", PLAIN)
    broker.end()
    orphan = broker.root / "orphan"
    program = (
        f"until test -e {broker.root}/go; do sleep 0.01; done; (sleep 60 & echo $! > {orphan})"
    )
    broker_pid = broker.start_real("sh", "-c", f"{program}; sleep 60")
    broker.has_loaded("one", PLAIN)
    (broker.root / "go").touch()
    until(lambda: orphan.exists() and orphan.read_text().strip(), "there is an orphan")
    pid = int(orphan.read_text())
    until(lambda: pid in children(broker_pid), "it is the broker's")
    one = broker.pid("one")
    os.kill(broker_pid, signal.SIGSTOP)  # so that it finds both dead at the same moment
    wait_stopped(broker_pid)
    os.kill(one, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    until(lambda: set(zombies(broker_pid)) >= {one, pid}, "both are dead")
    os.kill(broker_pid, signal.SIGCONT)
    until(lambda: not {one, pid} & set(children(broker_pid)), "both are reaped")
    assert broker.wait_for("one", "running")["pid"] != one
    assert zombies(broker_pid) == []


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
        ours.settimeout(PATIENCE)
        for ticket in (7, 8):
            request = json.dumps([ticket, "a", str(PLAIN)]).encode()
            socket.send_fds(ours, [request], [ours.fileno()])  # any
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
    pairs, loop = SocketPairs(), EpollLoop()
    children = Children(pairs, loop)
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
        pairs.close()
        loop.close()
        # For the tests that follow: this process has been made the heir of orphans (prctl(2))
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0)


def test_a_load_is_given_up_and_the_next_of_its_name_is_another(broker: ChaosBroker) -> None:
    """The file that runs is the one that was asked for last, however late the first answer is."""
    broker_pid = broker.start_real()
    first, second = broker.root / "first.py", broker.root / "second.py"
    for path in (first, second):
        path.write_text(PLAIN.read_text())
    broker.has_loaded("warm", PLAIN)
    server = fork_server_of(broker_pid)
    os.kill(server, signal.SIGSTOP)
    try:
        given_up = broker.load_module("a", first, timeout=0.3)
        assert given_up["result"] == "refused"
        client = broker.begin("module", "load", "--name", "a", str(second))
        time.sleep(0.5)
    finally:
        os.kill(server, signal.SIGCONT)
    _, err = client.communicate(timeout=PATIENCE)
    shown = broker.members().get("a")
    if client.returncode == 0:
        assert shown is not None
        assert shown["path"] == str(second)
    else:  # the name was still that of the one that is being ended
        assert "is loaded already" in err


LEAVES_A_CHILD = """\
import os
import pathlib
import select
import stat

from participant import Module


class Parent(Module):
    \"\"\"Has a child that outlives it, and has its connection.\"\"\"

    table = "parent"

    class Config(Module.Config):
        pass

    def run(self):
        if (child := os.fork()) == 0:
            poll = select.poll()
            for descriptor in range(100):
                try:
                    if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                        poll.register(descriptor, 0)
                except OSError:
                    pass
            poll.poll()  # until nobody is at the other end
            os._exit(0)
        pathlib.Path("CHILD").write_text(str(child))
"""


def test_what_a_dead_module_leaves_behind_does_not_have_its_connection(broker: ChaosBroker) -> None:
    broker.start_real()
    path, left = broker.root / "parent.py", broker.root / "child"
    path.write_text(LEAVES_A_CHILD.replace("CHILD", str(left)))
    broker.has_loaded("parent", path)
    child = int(until(lambda: left.exists() and left.read_text(), "it has a child"))
    try:
        assert not gone(child)
        os.kill(broker.pid("parent"), signal.SIGKILL)
        until(lambda: gone(child), "its connection is shut")
    finally:
        if not gone(child):
            os.kill(child, signal.SIGKILL)
