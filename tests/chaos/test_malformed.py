# SPDX-License-Identifier: LGPL-3.0-or-later
"""Ten thousand malformed frames at each socket: nobody falls over, and nothing is kept of them."""

import contextlib
import gc
import os
import random
import socket

import msgpack
import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol import limits
from protocol.codec import Malformed, decode_from_coordinator, decode_from_participant, encode
from protocol.messages import Join
from tests.chaos import footprint, malformed
from tests.chaos.broker import ChaosBroker
from tests.chaos.verdicts import all_run_what_is_in_force
from tests.support.patience import PATIENCE, until

SEED = int(os.environ.get("CHAOS_SEED", "20260"))
COUNT = 10_000
WARM_UP = 1_000
MEMORY = 6 * 1024
"""How much more KiB a process may hold afterwards: allocators do not give everything back."""


def say(broker: ChaosBroker, lines: list[bytes]) -> None:
    """Bring these lines to the clients' socket, on as many connections as it takes."""
    batch = 50
    for start in range(0, len(lines), batch):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(PATIENCE)
            client.connect(broker.uri.removeprefix("local://"))
            for line in lines[start : start + batch]:
                if not line.strip():
                    continue
                client.sendall(line + b"\n")
                answer = client.recv(1 << 20)
                while not answer.endswith(b"\n"):
                    more = client.recv(1 << 20)
                    assert more, (answer, line)
                    answer += more


@pytest.mark.timeout(900)
def test_the_clients_socket(unjudged_broker: ChaosBroker) -> None:
    """Some of the lines are lawful, and change things; they do so as often as they like."""
    broker = unjudged_broker
    broker.start(modules=("m",))
    assert broker.process is not None
    source = random.Random(SEED)
    say(broker, list(malformed.lines(source, WARM_UP)))
    before = footprint.of(broker.process.pid)
    say(broker, list(malformed.lines(source, COUNT)))
    after = until_settled(broker, before)
    print(f"seed {SEED}: {COUNT} lines at the clients' socket: {before} before, {after} after")
    assert after.descriptors <= before.descriptors
    assert after.memory - before.memory < MEMORY
    if "m" in broker.members():
        broker.remove_module("m")  # a reload within 50 ms may have made it fail
    broker.load_module("m")
    broker.write()
    broker.commits()
    members = broker.members().values()
    assert all_run_what_is_in_force(broker.rows(), broker.ask("get"), members) == []


def until_settled(broker: ChaosBroker, before: footprint.Footprint) -> footprint.Footprint:
    """The broker's footprint when the descriptors of clients who left are closed."""
    assert broker.process is not None
    pid = broker.process.pid
    with contextlib.suppress(AssertionError):
        until(lambda: footprint.of(pid).descriptors <= before.descriptors)
    return footprint.of(pid)


@pytest.mark.timeout(900)
def test_the_modules_socket(broker: ChaosBroker) -> None:
    broker.start(modules=("m",))
    assert broker.process is not None
    source = random.Random(SEED)
    with broker.attached("y"):
        throw(broker, list(malformed.frames(source, WARM_UP)))
        before = footprint.of(broker.process.pid)
        throw(broker, list(malformed.frames(source, COUNT)))
        after = until_settled(broker, before)
        print(f"seed {SEED}: {COUNT} frames at the modules' socket: {before} before, {after} after")
        assert after.descriptors <= before.descriptors
        assert after.memory - before.memory < MEMORY
        broker.write()
        assert broker.commits()["asked"] == 2
        assert broker.judge_at_rest() == []


ATOMS = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(),
                  st.text(max_size=200), st.binary(max_size=200))  # fmt: skip
TREES = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(), inner, max_size=3)
)
ARRAYS = st.builds(
    lambda version, tag, fields: msgpack.packb([version, tag, *fields], use_bin_type=True),
    st.just(limits.PROTOCOL_VERSION) | ATOMS,
    st.integers(-1, 12),
    st.lists(TREES, max_size=10),
)


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=300) | ARRAYS)
def decoders_answer(frame: bytes) -> None:
    """Whatever the bytes: a message that encodes to a frame again, or a word on what is wrong."""
    for decode in (decode_from_participant, decode_from_coordinator):
        found = decode(frame)
        assert isinstance(found, Malformed) or decode(encode(found)) == found


def test_the_decoders() -> None:
    decoders_answer()
    gc.collect()
    before = footprint.of(os.getpid())
    decoders_answer()
    gc.collect()
    after = footprint.of(os.getpid())
    print(f"decoders: {before} before, {after} after")
    assert after.descriptors <= before.descriptors
    assert after.memory - before.memory < 4 * MEMORY, "hypothesis itself keeps a little"


def test_two_names_on_one_connection(broker: ChaosBroker) -> None:
    """One connection speaks for one participant; the second name is refused."""
    broker.start(modules=("m",))
    with zmq.Context() as context, context.socket(zmq.DEALER) as liar:
        liar.setsockopt(zmq.LINGER, 0)
        liar.setsockopt(zmq.RCVTIMEO, int(PATIENCE * 1000))
        liar.connect(f"ipc://{broker.rundir}/modules")
        for name in ("one", "two", "one", "two"):
            join = Join(
                "",
                0,
                "life",
                name,
                limits.PROTOCOL_VERSION,
                0,
                "",
                None,
                os.getpid(),
                "life.1",
                "{}",
            )
            liar.send(encode(join))
        said = [decode_from_coordinator(liar.recv()) for _ in range(4)]
    kinds = sorted(type(effect).__name__ for effect in said)
    assert kinds == ["Admit", "Admit", "Refuse", "Refuse"]
    assert "two" not in broker.members()
    broker.remove_module("one")
    broker.write()
    broker.commits()
    assert broker.judge_at_rest() == []


def test_coming_and_going(broker: ChaosBroker) -> None:
    """A service that attaches and leaves again and again costs the broker nothing."""
    broker.start()
    assert broker.process is not None

    def come_and_go(times: int) -> footprint.Footprint:
        for _ in range(times):
            with broker.attached("y"):
                pass
            until(lambda: "y" not in broker.members())
        return until_settled(broker, before)

    before = footprint.of(broker.process.pid)
    before = come_and_go(2)
    after = come_and_go(20)
    assert after.descriptors <= before.descriptors


def throw(broker: ChaosBroker, frames: list[bytes]) -> None:
    """Send these frames, on a hundred connections one after the other."""
    context = zmq.Context()
    batch = max(1, len(frames) // 100)
    for start in range(0, len(frames), batch):
        thrower = context.socket(zmq.DEALER)
        thrower.setsockopt(zmq.LINGER, int(PATIENCE * 1000))
        thrower.setsockopt(zmq.SNDTIMEO, int(PATIENCE * 1000))
        thrower.connect(f"ipc://{broker.rundir}/modules")
        for frame in frames[start : start + batch]:
            thrower.send_multipart([frame] * (2 if len(frame) % 50 == 7 else 1))
        thrower.close()
    context.term()
    broker.ask("status")
