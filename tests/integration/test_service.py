# SPDX-License-Identifier: LGPL-3.0-or-later
"""A lasting broker and whoever supervises it: words on a real notify socket, and signals."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.broker import RunningBroker
from tests.support.client_calls import FLUX
from tests.support.notify import NotifySocket
from tests.support.patience import AT_ONCE, PATIENCE, until

SLOW = '''\
import time
from participant import Module, Reject

class Slow(Module):
    """Votes when the file is there, and says no where it is told to."""
    table = "slow"

    class Config(Module.Config):
        gate: str = ""
        no: bool = False

    def prepare(self, new, config):
        while new.gate and not __import__("os").path.exists(new.gate):
            time.sleep(0.005)
        if new.no:
            raise Reject("no such pace", key="no")

    def stats(self):
        import os
        return {name: os.environ.get(name) for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC")}
'''


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[tuple[RunningBroker, NotifySocket]]:
    """A broker that is a service; not started yet.  Other tests have an abstract socket."""
    with NotifySocket(tmp_path) as manager:
        broker = RunningBroker()
        broker.environment["NOTIFY_SOCKET"] = manager.address
        directory = broker.root / "modprobe.d"
        directory.mkdir(mode=0o755)
        (broker.root / "slow.py").write_text(SLOW)
        (directory / "slow.toml").write_text('[[modules]]\nname="slow"\nmodule="../slow.py"\n')
        broker.options = ("-S", f"modprobe.directory={directory}", "-S", "broker.sd-notify=1")
        try:
            yield broker, manager
        finally:
            broker.close()


def is_idle(broker: RunningBroker) -> bool:
    """Whether nothing is going on; then all has been told, too."""
    status = broker.ask("status")
    return not status["waiting"] and "transaction" not in status


def test_what_systemd_is_told(supervised: tuple[RunningBroker, NotifySocket]) -> None:
    broker, manager = supervised
    gate = broker.root / "gate"
    broker.environment["WATCHDOG_USEC"] = "200000"
    broker.write_text(f"[slow]\ngate = '{gate}'\n")
    broker.spawn(broker.command())
    assert broker.process is not None

    # READY=1 only when a configuration is in force
    manager.wait_for("STATUS=starting; awaited: slow")
    broker.process.send_signal(signal.SIGHUP)  # waits for the end of the start
    until(lambda: manager.hear() and manager.alive > 3, "the loop lives, and is not ready yet")
    assert "READY=1" not in manager.words
    gate.touch()
    place = manager.wait_for("STATUS=generation 1, 1 module", "READY=1", "RELOADING=1", "READY=1")
    broker.wait_until_open()

    # a reload by command, while it is in progress
    gate.unlink()
    broker.write_text(f"[slow]\ngate = '{gate}'\n[x]\ny = 1\n")
    before = time.monotonic() * 1e6
    reload = broker.begin("config", "reload", "--timeout=300s")
    place = manager.wait_for("RELOADING=1", "MONOTONIC_USEC=", after=place)
    moment = int(manager.words[place - 1].partition("=")[2])
    assert before <= moment <= time.monotonic() * 1e6
    assert "READY=1" not in manager.hear()[place:]
    gate.touch()
    assert reload.wait(PATIENCE) == 0
    place = manager.wait_for("STATUS=generation 2", "READY=1", after=place)

    # a reload by signal, refused: nothing changed, and what is wrong is said
    broker.write_text("[slow]\nno = true\n")
    broker.process.send_signal(signal.SIGHUP)
    place = manager.wait_for("RELOADING=1", "MONOTONIC_USEC=", "READY=1", after=place)
    refused = "generation 2, 1 module; the last reload was refused: slow: slow.no: no such pace"
    until(lambda: manager.status.startswith(refused), "the refusal is in the status")
    until(lambda: "no such pace" in broker.log_text(), "and in the log")
    assert broker.generation == 2

    # many by signal while one is in progress: the next one will do for all
    gate.unlink()
    broker.write_text(f"[slow]\ngate = '{gate}'\n[x]\ny = 2\n")
    for _ in range(30):
        broker.process.send_signal(signal.SIGHUP)
        time.sleep(0.01)
    gate.touch()
    until(lambda: manager.status == "generation 3, 1 module", "all of it is in force")
    until(lambda: is_idle(broker), "the last of them is over")
    place = len(manager.hear())
    assert manager.words[-1] == "READY=1"
    attempts = [line for line in broker.ask("dmesg")["lines"] if line["event"] == "reloaded"]
    assert len(attempts) <= 5, attempts

    # one by signal that is committed; a change that is no reload is none
    broker.write_text("[x]\ny = 3\n")
    broker.process.send_signal(signal.SIGHUP)
    place = manager.wait_for("RELOADING=1", "MONOTONIC_USEC=", "READY=1", after=place)
    until(lambda: manager.status == "generation 4, 1 module", "the next one is told")
    broker.good("set", "-t", "integer", "x.y", "4")
    broker.config("reload", "--dry-run")
    until(lambda: manager.status == "generation 5, 1 module", "the generation is told")
    assert [word for word in manager.hear()[place:] if "STATUS" not in word] == []

    # what is not well
    broker.config("set", "-t", "integer", "--confirm", "300s", "x.y", "5")
    until(lambda: "generation 6 is not confirmed" in manager.status, "it waits to be confirmed")
    broker.good("confirm")

    # nobody but the broker speaks for it
    assert broker.ask("module-stats", name="slow", timeout=PATIENCE)["told"] == {
        "NOTIFY_SOCKET": None,
        "WATCHDOG_USEC": None,
    }
    alive = manager.alive
    until(lambda: manager.hear() and manager.alive > alive + 2, "the loop lives")

    assert broker.end() == 0
    manager.wait_for("STATUS=stopping", "STOPPING=1", after=place)
    assert manager.words[-1] == "STOPPING=1"


def test_why_a_start_failed_is_told() -> None:
    with NotifySocket() as manager:
        broker = RunningBroker("[heartbeat]\nperiod = '0s'\n", modules=True)
        broker.environment["NOTIFY_SOCKET"] = manager.address
        try:
            broker.spawn(broker.command())
            assert broker.wait_dead() == 1
            assert "READY=1" not in manager.hear()
            assert manager.status.startswith("heartbeat: heartbeat.period: ")
        finally:
            broker.close()


def test_a_loop_that_hangs_is_silent() -> None:
    """Which is what the watchdog is for."""
    with NotifySocket() as manager:
        broker = RunningBroker()
        broker.environment |= {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "100000"}
        try:
            broker.start()
            assert broker.process is not None
            broker.process.send_signal(signal.SIGSTOP)
            time.sleep(0.2)
            manager.hear()
            alive = manager.alive
            time.sleep(1.0)
            manager.hear()
            broker.process.send_signal(signal.SIGCONT)
            assert manager.alive == alive
            until(lambda: manager.hear() and manager.alive > alive, "it goes on")
        finally:
            broker.close()


@pytest.mark.parametrize(
    ("command", "options", "speaks"),
    [
        ("start", (), False),  # a temporary broker speaks for no service
        ("start", ("-S", "broker.sd-notify"), True),
        ("broker", (), True),
        ("broker", ("-S", "broker.sd-notify=0"), False),
    ],
)
def test_who_speaks_and_what_a_program_sees(
    command: str, options: tuple[str, ...], speaks: bool
) -> None:
    with NotifySocket() as manager:
        broker = RunningBroker()
        environment = {**broker.environment, "NOTIFY_SOCKET": manager.address}
        del environment["FLUX_URI"]
        done = subprocess.run(
            [*FLUX, command, *options, "-S", "broker.rc1_path=", "sh", "-c",
             "echo seen=$NOTIFY_SOCKET"],
            env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        broker.close()
        assert done.stdout == "seen=\n", done.stderr
        assert ("READY=1" in manager.hear()) is speaks


def test_a_hangup_ends_a_broker_with_a_program_and_reloads_one_without() -> None:
    broker = RunningBroker("[x]\ny = 1\n")
    try:
        broker.start()
        assert broker.process is not None
        broker.write_text("[x]\ny = 2\n")
        broker.process.send_signal(signal.SIGHUP)
        until(lambda: broker.generation == 2, "the files are in force")
        (newest, *_) = broker.json("history", "--json")["history"]
        assert (newest["verb"], newest["who"]["command"]) == ("reload", "SIGHUP")
        assert broker.end() == 0
        command = [*broker.command(), "sh", "-c", "echo up; exec sleep 600"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.DEVNULL) as process:  # fmt: skip
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            process.send_signal(signal.SIGHUP)
            process.wait(AT_ONCE)
    finally:
        broker.close()


def test_a_hangup_without_files_changes_nothing() -> None:
    broker = RunningBroker()
    try:
        command = broker.command()
        del command[command.index("-c") : command.index("-c") + 2]
        broker.spawn([*command, "--log-format=json"])
        broker.wait_until_open()
        assert broker.process is not None
        broker.process.send_signal(signal.SIGHUP)
        until(lambda: "nothing to reload" in broker.log_text(), "it says why")
        lines = map(json.loads, broker.log_text().splitlines())
        (ready,) = (line for line in lines if line["event"] == "ready")
        assert ready["FLUX_URI"] == broker.uri
        assert broker.end() == 0
    finally:
        broker.close()
