# SPDX-License-Identifier: LGPL-3.0-or-later
"""What must not hurt: odd files, odd sizes, odd readers.  Each is refused clearly or just works."""

import json
import os
import pty
import re
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.broker import RunningBroker
from tests.support.client_calls import FLUX
from tests.support.patience import AT_ONCE, FAR, PATIENCE, until

SLOW = """\
import time
from participant import Module

class Slow(Module):
    table = "slow"

    class Config(Module.Config):
        seconds: float = 0.0

    def prepare(self, new, config):
        time.sleep(new.seconds)
"""


@pytest.fixture(scope="module")
def shared_broker() -> Iterator[RunningBroker]:
    """One without modules."""
    found = RunningBroker("kept = 1\n").start()
    yield found
    found.close()


@pytest.fixture
def broker(shared_broker: RunningBroker) -> RunningBroker:
    shared_broker.good("load", input="kept = 1\n")
    return shared_broker


def big_text(size: int) -> str:
    tables = (f'[t{n // 100}.k{n}]\nname = "value {n}"\nlist = [1, 2]\n' for n in range(10**6))
    text = ""
    parts = []
    length = 0
    for text in tables:
        parts.append(text)
        length += len(text)
        if length >= size:
            break
    return "".join(parts)


ODD = {
    "nesting of brackets": b"a = " + b"[" * 1000 + b"]" * 1000,
    "nesting of tables": b"[" + b".".join([b"a"] * 1000) + b"]\nx = 1",
    "nesting of inline tables": b"a = " + b"{a = " * 1000 + b"1" + b"}" * 1000,
    "NUL": b'a = "x\0y"',
    "invalid UTF-8": b'a = "\xff\xfe"',
    "lone surrogate": b'a = "\xed\xa0\x80"',
    "byte order mark": b"\xef\xbb\xbfa = 1",
    "endless digits": b"a = " + b"9" * 10000,
    "infinity": b"a = inf",
    "64 bits and one": b"a = 9223372036854775808",
    "same key twice": b"a = 1\na = 2",
    "JSON nesting": b'{"a":' * 1000 + b"1" + b"}" * 1000,
    "JSON null": b'{"a":null}',
    "JSON, same key twice": b'{"a":1,"a":2}',
    "half a JSON": b'{"a":1',
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_text_is_refused_with_its_place_and_nothing_is_lost(
    broker: RunningBroker, name: str
) -> None:
    done = subprocess.run([*FLUX, "config", "load"], env=broker.environment, input=ODD[name],
                          capture_output=True, timeout=PATIENCE)  # fmt: skip
    assert done.returncode == 1
    said = done.stderr.decode()
    assert re.search(r"\(<stdin>:\d+:\d+\)", said), said
    assert "nothing changed" in said
    assert "Traceback" not in said
    assert broker.good("get") == '{"kept":1}\n'


def test_paths_that_are_no_files(broker: RunningBroker, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.toml")
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "fifo.toml", tmp_path, Path("/dev/zero"), tmp_path / "nowhere"):
        for words in (["load"], ["validate"], ["get", "-c"]):
            said = broker.refused(*words, str(path))
            assert "Traceback" not in said
    assert broker.refused("load", "x" * 5000)
    assert broker.refused("load", "")
    broker.good("load", str(tmp_path / "empty"))
    assert broker.good("get") == "{}\n"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become a user without permission")
def test_a_directory_without_permission(broker: RunningBroker, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (tmp_path).chmod(0o755)
    program = (
        "import os, sys, cli.commands.config.main, cli.commands.config.files, cli.main;"
        "import coordinator.files.parsing, cli.commands.config.builtin;"
        "cli.commands.config.main.parser('config');"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534);"
        "sys.exit(cli.main.main(sys.argv[1:]))"
    )
    done = subprocess.run([sys.executable, "-c", program, "config", "get", "-c", str(closed)],
                          env=broker.environment, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 1
    assert "Permission denied" in done.stderr


def test_an_endless_stdin_is_not_read_to_its_end(broker: RunningBroker) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    with open("/dev/zero", "rb") as endless:
        done = subprocess.run([*FLUX, "config", "load"], env=broker.environment, stdin=endless,
                              capture_output=True, text=True, timeout=PATIENCE,
                              preexec_fn=limit)  # fmt: skip
    assert done.returncode == 1
    assert "bytes are not read" in done.stderr


def test_a_file_that_changes_while_it_is_read_is_taken_whole_or_not_at_all(
    broker: RunningBroker, tmp_path: Path
) -> None:
    file = tmp_path / "moving.toml"
    texts = [f"v = {n}\nw = {n}\npad = '{'x' * 200_000}'\n" for n in range(2)]
    file.write_text(texts[0])
    ended = threading.Event()

    def rewrite() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            file.write_text(texts[number % 2])
            time.sleep(0.001)

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        for _ in range(15):
            done = broker.config("load", str(file))
            if done.returncode == 0:
                found = json.loads(broker.good("get"))
                # empty: so the writer does leave the file, for a moment, in which it is complete
                assert not found or (found["v"] == found["w"] and len(found["pad"]) == 200_000)
            else:
                assert "Traceback" not in done.stderr
    finally:
        ended.set()
        writer.join()


def test_five_megabytes_load_while_readers_are_answered(
    broker: RunningBroker, tmp_path: Path
) -> None:
    file = tmp_path / "five.toml"
    file.write_text(big_text(5_000_000))
    loading = subprocess.Popen([*FLUX, "config", "load", f"--timeout={FAR}", str(file)],
                               env=broker.environment, stdout=subprocess.PIPE)  # fmt: skip
    slowest, start = 0.0, time.monotonic()
    while loading.poll() is None:
        began = time.monotonic()
        broker.ask("status")
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.01)
    took = time.monotonic() - start
    assert loading.wait() == 0
    loading.communicate()
    assert slowest < took / 4, "a reader waited for the parser"
    assert broker.good("get", "t0.k7.name") == "value 7\n"
    broker.good("set", "t0.k7.name", "new")
    assert broker.json("diff", str(broker.generation - 1), "--json")["changes"] == [
        {"key": "t0.k7.name", "old": "value 7", "new": "new"}
    ]


def test_ten_thousand_tables(broker: RunningBroker) -> None:
    broker.good("load", input="".join(f"[t{n}]\na = {n}\n" for n in range(10_000)))
    assert broker.good("get", "t9999.a") == "9999\n"
    assert len(json.loads(broker.good("get"))) == 10_000


@pytest.mark.parametrize(
    "request_",
    [b"\n", b"null\n", b"[]\n", b"{}\n", b'{"op":7}\n', b'{"op":"nope"}\n', b"\xff\n",
     b"{" * 5000 + b"\n",
     b'{"op":"get","name":7}\n', b'{"op":"get","name":"\\ud800"}\n', b'{"op":"set"}\n',
     b'{"op":"set","name":"a","value":7}\n', b'{"op":"set","name":"a","value":"1","type":[]}\n',
     b'{"op":"set","name":"a","value":"\\ud800","type":"string"}\n',
     b'{"op":"set","name":"\\ud800","value":"1","type":"string"}\n',
     b'{"op":"set","name":"a","value":"1","if_generation":"x"}\n',
     b'{"op":"set","name":"a","value":"1","confirm":-1}\n',
     b'{"op":"set","name":"a","value":"1","timeout":1e999}\n',
     b'{"op":"rollback","generation":-1}\n', b'{"op":"rollback","generation":true}\n',
     b'{"op":"history","most":1e6}\n', b'{"op":"history","most":10000000000}\n',
     b'{"op":"show","generation":"x"}\n', b'{"op":"diff","a":7}\n', b'{"op":"diff","a":"-1"}\n',
     b'{"op":"watch","name":""}\n', b'{"op":"load"}\n', b'{"op":"load","sources":[7]}\n',
     b'{"op":"confirm","timeout":"x"}\n'],
)  # fmt: skip
def test_nonsense_at_the_door_is_answered_with_an_error(
    broker: RunningBroker, request_: bytes
) -> None:
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(f"{broker.rundir}/local")
        sock.sendall(request_)
        answer = json.loads(sock.makefile("rb").readline())
    assert "error" in answer or answer["result"] == "refused", answer
    assert broker.good("get") == '{"kept":1}\n'


def test_who_waits_on_a_terminal_sees_one_line_and_who_does_not_sees_none(tmp_path: Path) -> None:
    module = tmp_path / "slow.py"
    module.write_text(SLOW)
    broker = RunningBroker("").start()
    try:
        assert broker.flux("module", "load", str(module)).returncode == 0
        words = [*FLUX, "config", "set", "-t", "real", "slow.seconds", "1.2"]
        quiet = subprocess.run(words, env=broker.environment, capture_output=True, text=True)
        assert (quiet.returncode, quiet.stderr) == (0, "")
        broker.good("set", "slow.seconds", "0")
        ours, theirs = pty.openpty()
        loud = subprocess.Popen(words, env=broker.environment, stdout=subprocess.PIPE,
                                stderr=theirs, stdin=subprocess.DEVNULL)  # fmt: skip
        assert loud.wait(PATIENCE) == 0
        loud.communicate()
        drawn = os.read(ours, 65536).decode()
        assert re.search(r"0 of 1 voted; waiting for slow \d\.\d s", drawn)
        assert "\n" not in drawn
        assert drawn.endswith("\r\x1b[K")
        os.close(ours)
        os.close(theirs)
    finally:
        broker.close()


def test_reads_are_answered_while_a_module_hangs(tmp_path: Path) -> None:
    module = tmp_path / "slow.py"
    module.write_text(SLOW)
    broker = RunningBroker("").start()
    try:
        assert broker.flux("module", "load", str(module)).returncode == 0
        hang = ("config", "set", "-t", "real", "slow.seconds", "3000")
        changing = broker.begin(*hang, f"--timeout={FAR}")
        change = until(lambda: broker.json("status", "--json").get("transaction"), "the change")
        assert change["awaited"] == ["slow"]
        for words in (["get"], ["history"], ["show", "1"], ["diff"], ["status"], ["dump"]):
            broker.good(*words)
        after = broker.json("status", "--json")["transaction"]
        assert after["txid"] == change["txid"], "no reader waited for it"
        changing.kill()
        changing.communicate()
        until(lambda: "transaction" not in broker.json("status", "--json"), "it is withdrawn")
        began = time.monotonic()
        said = broker.flux(*hang, "--timeout=1s").stderr
        assert "slow: did not answer; it still owes a vote" in said
        assert time.monotonic() - began < 1 + AT_ONCE
    finally:
        broker.close()
