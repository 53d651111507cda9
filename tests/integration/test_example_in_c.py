# SPDX-License-Identifier: LGPL-3.0-or-later
"""The example participant in C: built, at a real broker, killed in doubt, and fed with garbage."""

import json
import random
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from participant import Module, attach
from tests.support.broker import RunningBroker
from tests.support.client_calls import ROOT
from tests.support.patience import PATIENCE, until

SOURCE = ROOT / "examples" / "c" / "participant.c"
CC = shutil.which("cc")
WARNINGS = ("-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror")

pytestmark = pytest.mark.skipif(CC is None, reason="there is no C compiler")


def build(into: Path, *options: str) -> Path:
    """The program; skips where what it needs is not there."""
    program = into / "participant"
    command = [CC or "cc", *WARNINGS, *options, "-o", str(program), str(SOURCE)]
    header = "" if "-DFUZZ" in options else "#include <zmq.h>\n"
    probe = subprocess.run([*command[:-1], "-x", "c", "-"], text=True, capture_output=True,
                           input=f"{header}int main(void) {{ return 0; }}\n")  # fmt: skip
    if probe.returncode != 0:
        pytest.skip(f"zmq.h, or the sanitizers, are not there: {probe.stderr[:200]}")
    libraries = () if "-DFUZZ" in options else ("-lzmq",)
    done = subprocess.run([*command, *libraries], text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return program


class Pump:
    """The program, running."""

    def __init__(self, program: Path, broker: RunningBroker, name: str = "pump") -> None:
        uri = f"ipc://{broker.rundir}/modules"
        self.process = subprocess.Popen([str(program), uri, name, "100"], text=True,
                                        stdout=subprocess.PIPE)  # fmt: skip

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def heard(self, beginning: str) -> str:
        """The next line that begins so; the end of the program is a failure."""
        while not (line := self.line()).startswith(beginning):
            assert line, f"it has ended instead of saying {beginning!r}"
        return line

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


class Slow(Module):
    """Holds a change for as long as a test wants."""

    table = "slow"

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()
        self.free.set()

    def prepare(self, new: Any, config: object) -> None:
        assert self.free.wait(PATIENCE)


@pytest.fixture
def broker() -> Iterator[RunningBroker]:
    broker = RunningBroker("[pump]\npace = 2\n").start()
    yield broker
    broker.close()


def test_at_a_broker(broker: RunningBroker, tmp_path: Path) -> None:
    program = build(tmp_path, "-O2")
    pump = Pump(program, broker)
    slow = Slow()
    try:
        with attach(broker.uri, slow) as attached:
            assert attached.wait_for(seconds=PATIENCE)
            assert pump.heard("applied") == "applied 1 pace 2"
            broker.wait_for("pump", "running")
            stats = broker.flux("module", "stats", "pump").stdout
            assert json.loads(stats) == {"language": "C"}
            refused = broker.refused("set", "pump.pace", "101")
            assert "pump: pump.pace: must be 100 or less, not 101" in refused
            assert pump.heard("no") == "no must be 100 or less, not 101"
            assert "valid" in broker.good("set", "--dry-run", "pump.pace", "99")
            broker.good("set", "pump.pace", "100")
            assert pump.heard("applied") == "applied 2 pace 100"

            def in_doubt(pace: int) -> "subprocess.Popen[str]":
                slow.free.clear()
                changing = broker.begin("config", "set", "--timeout=300s", "pump.pace", str(pace))
                pump.heard("yes")
                return changing

            changing = in_doubt(3)  # killed in doubt: its death is a no, and it comes back
            pump.end(signal.SIGKILL)
            slow.free.set()
            assert changing.wait(PATIENCE) == 1
            pump = Pump(program, broker)
            assert pump.heard("applied") == "applied 2 pace 100"
            broker.wait_for("pump", "running")

            changing = in_doubt(4)  # the broker is killed: it waits, and the ledger's word is abort
            broker.kill()
            changing.wait(PATIENCE)
            assert pump.heard("cut") == "cut in doubt"
            slow.free.set()
            broker.start()
            pump.heard("joined")
            assert pump.heard("applied") == "applied 2 pace 100"
            broker.wait_for("pump", "running")
            broker.good("set", "--timeout", f"{PATIENCE}s", "pump.pace", "5")
            assert pump.heard("applied").endswith("pace 5")

            other = Pump(program, broker)
            assert "is taken by process" in other.heard("refused")
            assert pump.end(signal.SIGTERM) == 0
            assert other.heard("applied").endswith("pace 5"), "the name is free now"
            until(lambda: broker.members()["pump"]["state"] == "running", "it is a member")
            pump = other
            broker.remove_module("pump")
            assert "flux module remove" in pump.heard("shutdown")
            assert pump.process.wait(PATIENCE) == 0
    finally:
        slow.free.set()
        pump.process.kill()
        pump.process.wait()


def frames(source: random.Random, count: int) -> Iterator[bytes]:
    """Those of docs/wire.md that a participant hears, whole, bent and broken."""
    page = (ROOT / "docs" / "wire.md").read_text()
    blocks = re.findall(r"^```vector \w+\n.*\n((?:[0-9a-f ]+\n)+)```$", page, re.MULTILINE)
    known = [bytes.fromhex(block) for block in blocks]
    heard = [frame for frame in known if frame[2] >= 5]
    yield from heard
    for _ in range(count):
        frame = bytearray(source.choice(heard if source.random() < 0.95 else known))
        for _ in range(source.randrange(4)):
            at = source.randrange(len(frame))
            frame[at] = source.choice((0xDD, 0xDF, 0xDB, 0xC6, 0xCF, 0xFF, 0x90, 0x00,
                                       source.randrange(256)))  # fmt: skip
        if source.random() < 0.3:
            del frame[source.randrange(len(frame)) :]
        if source.random() < 0.1:
            frame += source.randbytes(source.randrange(40))
        yield bytes(frame)
    yield b"\x99\x02\x05" + b"\x91" * 100_000  # deep
    yield b"\xdd\xff\xff\xff\xff\x02\x05"  # promises much


def test_garbage_under_the_sanitizers(tmp_path: Path) -> None:
    program = build(tmp_path, "-g", "-DFUZZ", "-fsanitize=address,undefined",
                    "-fno-sanitize-recover=all")  # fmt: skip
    sent = list(frames(random.Random(7), 20_000))
    stream = b"".join(len(frame).to_bytes(4, "big") + frame for frame in sent)
    done = subprocess.run([str(program)], input=stream, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
    said = {line.split()[0] for line in done.stdout.decode(errors="replace").splitlines()}
    assert {"applied", "yes", "refused", "shutdown"} <= said, "some of it was understood"
