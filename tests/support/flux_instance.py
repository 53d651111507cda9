# SPDX-License-Identifier: LGPL-3.0-or-later
"""A real Flux for tests: where it is, and instances of it that are started and ended.

FLUX_CORE names its `flux`; otherwise the first `flux` on PATH that is not ours is taken.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from fluxcore.bindings import find_flux
from fluxcore.command import named_or_found
from tests.support.patience import PATIENCE, until

NO_MODULES: Final = ("-Sbroker.rc1_path=", "-Sbroker.rc3_path=")
"""Options of `flux start`: nothing but the built-in modules; 0.2 s instead of 4 s."""
FEW_MODULES: Final = ("heartbeat", "content", "kvs")


@cache
def real_flux() -> str | None:
    """The path of a real `flux`, or None.  Raises NoFlux where FLUX_CORE names none."""
    return find_flux() if named_or_found() else None


def why_not() -> str:
    """Why tests that need a real Flux, or Python that can talk to it, cannot run; or empty."""
    flux = real_flux()
    if flux is None:
        return "no real Flux: FLUX_CORE is not set, and no `flux` on PATH is flux-core's"
    try:
        bindings()
    except (ImportError, OSError, subprocess.CalledProcessError) as error:
        return f"{flux}: its Python bindings cannot be used here: {error}"
    return ""


@cache
def bindings_path() -> str:
    """The directory of `flux`'s bindings for this Python.  Raises CalledProcessError."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    command = [real_flux() or "flux", version, "--get-path"]
    return subprocess.run(
        command, env=outside(), text=True, check=True, capture_output=True, timeout=PATIENCE
    ).stdout.strip()


@cache
def bindings() -> Any:
    """The package `flux`.  Raises ImportError (it needs cffi and yaml) or CalledProcessError."""
    if bindings_path() not in sys.path:
        sys.path.append(bindings_path())
    return import_module("flux")


def outside(**more: str) -> dict[str, str]:
    """This environment as it would be outside of any instance, and `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLUX_")}
    return {**kept, **more}


class FluxInstance:
    """`size` real brokers on this host; ended when the `with` is left.

    `options` are `flux start`'s, `config` an object that the instance starts with, `modules` what
    is loaded on each rank once it runs.  `environment` is added to that of every broker.
    """

    def __init__(
        self,
        size: int = 1,
        *,
        options: Sequence[str] = NO_MODULES,
        config: Mapping[str, Any] | None = None,
        modules: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        flux = real_flux()
        assert flux is not None, why_not()
        self.flux: str = flux
        self.size = size
        self._loaded: list[tuple[int, str]] = []
        # Short: the path of a socket has at most 107 bytes
        self.directory = Path(tempfile.mkdtemp(prefix="fx-"))
        self.rundir = self.directory / "run"
        self.rundir.mkdir()
        self.log = self.directory / "log"
        given = list(options)
        if config is not None:
            given.append(f"--config-path={self._write(config)}")
        command = [flux, "start", f"-s{size}", f"--test-rundir={self.rundir}", *given, "cat"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log,
                env=outside(**(environment or {})), start_new_session=True,
            )  # fmt: skip
        try:
            until(self._runs, f"the instance does not run: {self.log_tail()}")
            for rank in range(size):
                for module in modules:
                    self.load(module, rank=rank)
        except BaseException:
            self.end()
            raise

    def _write(self, config: Mapping[str, Any]) -> Path:
        path = self.directory / "config.json"
        path.write_text(json.dumps(config))
        return path

    def _runs(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(
                f"flux start ended with {self.process.returncode}: {self.log_tail()}"
            )
        try:
            self.handle().rpc("state-machine.wait").get()
            return True
        except OSError:  # no socket yet, or no such service yet
            return False

    def uri(self, rank: int = 0) -> str:
        """FLUX_URI of one broker."""
        return f"local://{self.rundir}/local-{rank}"

    def handle(self, rank: int = 0) -> Any:
        """A new connection to one broker, a flux.Flux; it belongs to the thread that asks."""
        return bindings().Flux(self.uri(rank))

    def environment(self, rank: int = 0, **more: str) -> dict[str, str]:
        """That of a command at one broker."""
        return outside(FLUX_URI=self.uri(rank), **more)

    def run(
        self, *arguments: str, rank: int = 0, stdin: str = "", seconds: float = PATIENCE
    ) -> "subprocess.CompletedProcess[str]":
        """`flux ARGUMENTS` of the real Flux, at one broker."""
        return subprocess.run(
            [self.flux, *arguments], env=self.environment(rank), input=stdin, text=True,
            capture_output=True, timeout=seconds,
        )  # fmt: skip

    def rpc(self, topic: str, payload: Any = None, rank: int = 0) -> Any:
        """The answer of one broker.  Raises OSError with the errno and the text of a refusal."""
        return self.handle().rpc(topic, payload, nodeid=rank).get()

    def load(self, module: str | Path, *arguments: str, rank: int = 0) -> None:
        """Load a module, by name or file; it is removed before the instance ends."""
        done = self.run("module", "load", str(module), *arguments, rank=rank)
        assert done.returncode == 0, done.stderr + self.log_tail()
        # A Python module that is still there at the end makes the instance exit with 1
        self._loaded.append((rank, Path(module).stem))

    def log_tail(self) -> str:
        """What the brokers have said last."""
        return self.log.read_text(errors="replace")[-4000:]

    def pids(self) -> list[int]:
        """The brokers' processes, by rank."""
        start = bindings().Flux(f"local://{self.rundir}/start")
        return [broker["pid"] for broker in start.rpc("start.status").get()["procs"]]

    def stop(self) -> int:
        """End it as its initial program's end does; the exit status."""
        for rank, module in reversed(self._loaded):
            self.run("module", "remove", "--force", module, rank=rank)
        self._loaded.clear()
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        """Have nothing left of it, whatever state it is in."""
        try:
            if self.process.poll() is None:
                self.stop()
        except (OSError, subprocess.TimeoutExpired):
            pass
        finally:
            self._kill()
            shutil.rmtree(self.directory, ignore_errors=True)

    def _kill(self) -> None:
        """Brokers that are left are ended by force, each with its process group."""
        for pid in (self.process.pid, *_brokers_in(self.rundir)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self.process.poll() is None:
            try:
                status = self.stop()
                assert status == 0, f"the instance ended with {status}: {self.log_tail()}"
            finally:
                self.end()
        else:
            self.end()


def _brokers_in(rundir: Path) -> list[int]:
    """Processes of this user whose command line names the run directory: brokers of the test."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(rundir) in command and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def answers(handle: Any, calls: Mapping[str, tuple[str, Any, int]]) -> dict[str, Any]:
    """What comes of several requests sent at once: name → answer, or the OSError.

    `calls`: name → (topic, payload, rank).
    """
    futures = {
        name: handle.rpc(topic, payload, nodeid=rank)
        for name, (topic, payload, rank) in calls.items()
    }
    found: dict[str, Any] = {}
    for name, future in futures.items():
        try:
            found[name] = future.get()
        except OSError as error:
            found[name] = error
    return found
