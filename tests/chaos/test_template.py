# SPDX-License-Identifier: LGPL-3.0-or-later
"""Modules forked from the warm template: who dies with whom, and who reaps whom."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.broker import PLAIN, ChaosBroker
from tests.chaos.campaign import wait_stopped
from tests.support.patience import AT_ONCE, FAR, PATIENCE, until


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


def template_of(pid: int) -> int:
    """The template's process."""
    for child in children(pid):
        if b"participant.runtime.fork_server" in Path(f"/proc/{child}/cmdline").read_bytes():
            name = Path(f"/proc/{child}/comm").read_text()
            if name.startswith("python"):
                return child
    raise AssertionError("no template")


def gone(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_template_killed(house: ChaosBroker) -> None:
    """Its modules run on; the next one comes of another template."""
    broker = house.start_real()
    house.has_loaded("one", PLAIN)
    one, template = house.pid("one"), template_of(broker)
    assert Path(f"/proc/{one}/comm").read_text() == "flux-one\n"
    os.kill(template, signal.SIGKILL)
    until(lambda: template not in children(broker), "the template is reaped")
    done = house.flux("module", "load", str(PLAIN))
    assert done.returncode == 0, done.stderr
    assert template_of(broker) != template
    shown = house.members()
    assert (shown["one"]["pid"], shown["one"]["state"]) == (one, "running")
    assert shown["one"]["restarts"] == 0
    house.write()
    assert house.commits()["asked"] == 2
    until(lambda: house.judge_at_rest() == [], "all have looked at what they run")


def test_template_killed_at_work(house: ChaosBroker) -> None:
    """Requests that it never read are answered, and not done by the next template."""
    broker = house.start_real()
    house.has_loaded("one", PLAIN)
    template = template_of(broker)
    os.kill(template, signal.SIGSTOP)
    wait_stopped(template)
    client = house.begin("module", "load", "--timeout", FAR, "--name", "two", str(PLAIN))
    until(lambda: "two" in house.members(), "the load has begun")
    os.kill(template, signal.SIGKILL)
    _, err = client.communicate(timeout=PATIENCE)
    assert client.returncode == 1
    assert "could not be started: its template died" in err
    house.has_loaded("two", PLAIN)
    assert len(children(broker)) == 3, "one, two and the template"
    assert house.judge_at_rest() == []


def test_dead_before_the_broker_knew_of_it(house: ChaosBroker) -> None:
    """Its pid and its death are found at the same moment, and it is taken for no orphan."""
    broker = house.start_real()
    house.has_loaded("one", PLAIN)
    template = template_of(broker)
    path = house.root / "hasty_end.py"
    path.write_text("import os\nos._exit(3)\n")
    os.kill(template, signal.SIGSTOP)
    wait_stopped(template)
    client = house.begin("module", "load", "--timeout", FAR, str(path))
    until(lambda: "hasty-end" in house.members(), "the load has begun")
    os.kill(broker, signal.SIGSTOP)
    wait_stopped(broker)
    os.kill(template, signal.SIGCONT)
    until(lambda: zombies(broker), "the module has come and gone")
    os.kill(broker, signal.SIGCONT)
    _, err = client.communicate(timeout=PATIENCE)
    assert client.returncode == 1
    assert "exited with status 3" in err
    until(lambda: not zombies(broker), "it is reaped")


def test_broker_killed(house: ChaosBroker) -> None:
    """Everything that it has started is gone at once."""
    broker = house.start_real()
    for name in ("one", "two", "three"):
        house.has_loaded(name, PLAIN)
    family = list(children(broker))
    assert len(family) == 4
    house.end(signal.SIGKILL)
    began = time.monotonic()
    until(lambda: all(gone(pid) for pid in family), "modules and template are gone", AT_ONCE)
    print(f"gone after {time.monotonic() - began:.3f} s")


@pytest.fixture(scope="module")
def real() -> Iterator[ChaosBroker]:
    """A broker that modules die in, one after the other."""
    house = ChaosBroker()
    try:
        house.start_real()
        yield house
    finally:
        house.close()


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
    assert real.broker is not None
    path = real.root / "hasty_end.py"
    path.write_text(HEAD + code + "\n")
    for _ in range(5):  # who notices first, the reaper or the pidfd, is chance
        began = time.monotonic()
        done = real.flux("module", "load", "--timeout", FAR, str(path))
        assert time.monotonic() - began < AT_ONCE, "at once, and not at a deadline"
        assert done.returncode == 1
        assert ENDS[code] in done.stderr
        assert "hasty-end" not in real.members()
        broker = real.broker.pid
        until(lambda: not zombies(broker), "it is reaped")  # noqa: B023
    assert len(children(broker)) == 1, "the template alone"


def test_orphans_are_reaped(house: ChaosBroker) -> None:
    """They become children of the broker, which is a subreaper for its modules' sake."""
    house.start_real()
    house.has_loaded("one", PLAIN)
    house.end()
    orphan = house.root / "orphan"
    program = f"until test -e {house.root}/go; do sleep 0.01; done; (sleep 60 & echo $! > {orphan})"
    broker = house.start_real("sh", "-c", f"{program}; sleep 60")
    house.has_loaded("one", PLAIN)
    (house.root / "go").touch()
    until(lambda: orphan.exists() and orphan.read_text().strip(), "there is an orphan")
    pid = int(orphan.read_text())
    until(lambda: pid in children(broker), "it is the broker's")
    one = house.pid("one")
    os.kill(broker, signal.SIGSTOP)  # so that it finds both dead at the same moment
    wait_stopped(broker)
    os.kill(one, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    until(lambda: set(zombies(broker)) >= {one, pid}, "both are dead")
    os.kill(broker, signal.SIGCONT)
    until(lambda: not {one, pid} & set(children(broker)), "both are reaped")
    assert house.wait_for("one", "running")["pid"] != one
    assert zombies(broker) == []
