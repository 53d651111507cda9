# SPDX-License-Identifier: LGPL-3.0-or-later
"""A Flux instance of several brokers on this machine, started and ended as its users do."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from fluxcore.bindings import find_flux, load, search_path
from fluxcore.front.client import call_front
from fluxcore.handle import Flux
from tests.support.patience import PATIENCE, until

ROOT = Path(__file__).parents[2]
MODULES = Path(__file__).with_name("broker_modules")
ACCORD = (sys.executable, "-m", "cli.accord")


class Instance:
    """`flux start -s SIZE` without rc1 and rc3, so that it is there in half a second.

    As a `with` block it is started and ended, and has to end well.
    """

    def __init__(self, size: int = 3, *options: str) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="fx-", dir="/tmp"))  # short: paths of sockets
        self.size = size
        self._options = options
        self.rc: tuple[str, ...] = ("-Sbroker.rc1_path=", "-Sbroker.rc3_path=")
        self._flux = find_flux()
        self._handles: dict[int, Flux] = {}
        self._loaded: list[tuple[int, str]] = []
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("FLUX_")
        }
        path = [str(ROOT), *filter(None, [self.environment.get("PYTHONPATH")])]
        self.environment |= {"PYTHONPATH": os.pathsep.join(path), "FLUX_CORE": self._flux,
                             "TMPDIR": str(self.root)}  # fmt: skip

    def configured(self, tree: dict[str, Any]) -> Self:
        """It is to start with this configuration."""
        file = self.root / "config.json"
        file.write_text(json.dumps(tree))
        self._options = (*self._options, f"--config-path={file}")
        return self

    # Its life

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None and self.process.poll() is None:
                for rank, name in reversed(self._loaded):  # one in Python makes the status 1
                    self.flux("module", "remove", "--force", name, rank=rank)
                status = self.stop()
                assert status == 0, f"the instance ended with {status}: {self.log_text()}"
        finally:
            self.close()

    def start(self) -> Self:
        """Start it and wait until it runs."""
        command = [self._flux, "start", "-s", str(self.size), f"--test-rundir={self.root}",
                   *self.rc, *self._options, "cat"]  # fmt: skip
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, stdin=subprocess.PIPE,
                                            stdout=log, stderr=log,
                                            start_new_session=True)  # fmt: skip
        until(self._runs, "the instance runs")
        return self

    @property
    def log_path(self) -> Path:
        """What the instance says on stdout and stderr."""
        return self.root / "instance.log"

    def log_text(self) -> str:
        """That, and what the agents say."""
        files = [self.log_path, *self.root.glob("flux-accord-*.log")]
        return "\n".join(file.read_text(errors="replace") for file in files if file.exists())

    def _runs(self) -> bool:
        assert self.process.poll() is None, self.log_text()
        try:
            self.handle(0).call("state-machine.wait")
        except OSError:
            return False
        return True

    def stop(self) -> int:
        """End it as its program's end does; the exit status."""
        assert self.process.stdin is not None
        self._handles.clear()
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        """End it, whatever its state is, and remove its directory."""
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            shutil.rmtree(self.root, ignore_errors=True)

    def signal(self, rank: int, number: signal.Signals) -> None:
        """Send a signal to a broker."""
        self._starter("kill", rank=rank, signum=int(number))

    def _starter(self, method: str, **fields: int) -> None:
        """Ask `flux start`, which is no broker, but is spoken to like one."""
        handle = load("flux").Flux(f"local://{self.root}/start")
        handle.rpc(f"start.{method}", fields).get()

    def broker_pids(self) -> list[int]:
        """The brokers' processes, by rank."""
        starter = load("flux").Flux(f"local://{self.root}/start")  # which ends when this is gone
        return [broker["pid"] for broker in starter.rpc("start.status").get()["procs"]]

    # Talking to it

    def uri(self, rank: int) -> str:
        """FLUX_URI of that rank's broker."""
        return f"local://{self.root}/local-{rank}"

    def handle(self, rank: int) -> Flux:
        """A connection to that rank's broker."""
        if rank not in self._handles:
            self._handles[rank] = Flux(self.uri(rank))
        return self._handles[rank]

    def run(
        self, *command: str, rank: int = 0, seconds: float = PATIENCE, text: str | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """A command on that rank."""
        environment = {**self.environment, "FLUX_URI": self.uri(rank)}
        return subprocess.run(command, env=environment, capture_output=True, text=True,
                              timeout=seconds, input=text)  # fmt: skip

    def flux(self, *arguments: str, rank: int = 0, text: str | None = None) -> "Done":
        """flux-core's command."""
        return Done(self.run(self._flux, *arguments, rank=rank, text=text))

    def accord(self, *arguments: str, rank: int = 0) -> "Done":
        """`flux accord …`."""
        return Done(self.run(*ACCORD, *arguments, rank=rank))

    def popen(self, *arguments: str, rank: int = 0) -> "subprocess.Popen[str]":
        """flux-core's command on that rank, not waited for."""
        environment = {**self.environment, "FLUX_URI": self.uri(rank)}
        return subprocess.Popen([self._flux, *arguments], env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip

    def up(self, *options: str) -> Self:
        """Agents on all ranks, which rehearse nothing: it would take its time in every test."""
        done = self.accord("up", *(options or ("--no-rehearse",)))
        assert done.status == 0, f"{done.text}\n{self.log_text()}"
        return self

    def load(self, tree: dict[str, Any], rank: int = 0) -> "Done":
        """`flux config load` of this configuration."""
        return self.flux("config", "load", rank=rank, text=json.dumps(tree))

    def config(self, rank: int) -> Any:
        """What `config.get` tells on that rank."""
        return self.handle(rank).call("config.get", None, rank)

    def configs(self) -> list[Any]:
        """That of all ranks."""
        return [self.config(rank) for rank in range(self.size)]

    def load_module(self, name: str | Path, *arguments: str, rank: int = 0) -> None:
        """Load a module on that rank: one of the tests', one of flux-core's, or a file."""
        ours = MODULES / f"{name}.py"
        path = ours if ours.exists() else name
        done = self.flux("module", "load", str(path), *arguments, rank=rank)
        assert done.status == 0, done.text
        self._loaded.append((rank, Path(path).stem))

    def told(self, name: str, rank: int) -> Any:
        """What one of the tests' modules remembers."""
        return self.handle(rank).call(f"{name}.tell", None, rank, PATIENCE)

    def agent_pid(self, rank: int) -> int:
        """The process of that rank's agent."""
        pid: int = self.handle(rank).call("accord.ping", None, rank, 0.5)["pid"]
        return pid

    def start_front(self, rank: int, *agent: str, **limits: float) -> None:
        """A front on that rank with an agent of the tests', and other values for some limits."""
        path = os.pathsep.join([*search_path(), self.environment["PYTHONPATH"]])
        environment = {**self.environment, "FLUX_URI": self.uri(rank), "PYTHONPATH": path,
                       "FRONT_LIMITS": json.dumps(limits)}  # fmt: skip
        door = self.door(rank)
        door.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "tests.fluxcore.brisk_front", str(door), "-1", "0",
                   *agent]  # fmt: skip
        with self.log_path.open("ab") as log:
            subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                             stderr=log, start_new_session=True)  # fmt: skip

    def door(self, rank: int) -> Path:
        """The directory of that rank's sockets."""
        return self.root / f"local-{rank}.accord"

    def leftovers(self) -> list[str]:
        """Command lines of processes that belong to this instance, and are no brokers."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                variables = (entry / "environ").read_bytes()
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if os.fsencode(self.root) in variables and "accord" in command:
                    found.append(command)
        return found

    def broker_lives(self, rank: int) -> bool:
        """Whether that rank's broker answers."""
        try:
            self.handle(rank).call("broker.ping", {}, rank, PATIENCE)
        except OSError:
            return False
        return True

    def processes(self, rank: int) -> dict[str, int]:
        """That rank's front, standby and agent, by the front's word; 0 where there is none."""
        told = call_front(str(self.door(rank)), "who", PATIENCE)
        assert told is not None
        return {name: told[name] for name in ("front", "standby", "agent")}

    def kill_all_of(self, rank: int) -> None:
        """kill -9 of all three."""
        pids = self.processes(rank)
        for name in ("front", "standby", "agent"):
            os.kill(pids[name], signal.SIGKILL)
        until(lambda: not any(map(lives, pids.values())), "they are dead")

    def served_anew(self, rank: int, before: int) -> bool:
        """Whether that rank has another agent than this process."""
        try:
            return self.agent_pid(rank) != before
        except OSError:
            return False

    def is_served(self, rank: int) -> bool:
        """Whether that rank's front holds the name, with an agent behind it."""
        try:
            return call_front(str(self.door(rank)), "wait", 0.5) is not None
        except OSError:
            return False

    def has_agent(self, rank: int) -> bool:
        """Whether that rank has an agent that answers."""
        try:
            self.handle(rank).call("accord.ping", None, rank, 0.5)
        except OSError:
            return False
        return True


def lives(pid: int) -> bool:
    """Whether there is that process; one that only waits to be reaped is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class BootedInstance(Instance):
    """One whose brokers can be killed and run again: it is booted from a file, as systems are.

    Each broker starts its agent in rc1.  A broker's end does not end the others.
    """

    def __init__(self, size: int = 3) -> None:
        super().__init__(size)
        files = self.root / "conf.d"
        files.mkdir()
        hosts = f"fake[0-{size - 1}]"
        subprocess.run([self._flux, "keygen", "--name", "test", str(self.root / "cert")],
                       env=self.environment, check=True)  # fmt: skip
        resources = [self._flux, "R", "encode", f"--hosts={hosts}", f"-r0-{size - 1}"]
        (self.root / "R").write_bytes(subprocess.check_output(resources, env=self.environment))
        address = f"ipc://{self.root}/tbon-%h"
        (files / "boot.toml").write_text(
            f"""
[bootstrap]
curve_cert = "{self.root}/cert"
default_bind = "{address}"
default_connect = "{address}"
hosts = [ {{ host = "{hosts}" }} ]
[resource]
path = "{self.root}/R"
noverify = true
"""
        )
        rc1 = self.root / "rc1"
        rc1.write_text(f"#!/bin/sh\nexec {' '.join(ACCORD)} agent --detach\n")
        rc1.chmod(0o755)
        state = self.root / "state"
        state.mkdir()
        self._options = (
            f"--test-hosts={hosts}", "-c", str(files), "--test-exit-mode=leader",
            "--test-exit-timeout=0", "-Sbroker.quorum=1", f"-Sstatedir={state}",
            f"-Sbroker.rc1_path={rc1}",
        )  # fmt: skip

    @property
    def files(self) -> Path:
        """The directory of its configuration files."""
        return self.root / "conf.d"

    def wait_gone(self, rank: int) -> None:
        """Wait for the end of a broker that was killed."""
        self._starter("wait", rank=rank)
        self._handles.pop(rank, None)

    def run_again(self, rank: int) -> None:
        """Start a broker that has ended, and wait until it has its agent."""
        self._starter("run", rank=rank)
        until(lambda: self.is_served(rank), f"rank {rank} is served")


class Done:
    """A command that has ended."""

    def __init__(self, process: "subprocess.CompletedProcess[str]") -> None:
        self.status = process.returncode
        self.text = process.stdout + process.stderr
        self.lines = self.text.splitlines()
        self.at = time.monotonic()

    def __repr__(self) -> str:
        return f"exit {self.status}\n{self.text}"
