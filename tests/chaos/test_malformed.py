# SPDX-License-Identifier: LGPL-3.0-or-later
"""Ten thousand malformed frames at each door: nobody falls over, and nothing is kept of them."""

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


def say(house: ChaosBroker, lines: list[bytes]) -> None:
    """Bring these lines to the clients' door, on as many connections as it takes."""
    batch = 50
    for start in range(0, len(lines), batch):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(PATIENCE)
            client.connect(house.uri.removeprefix("local://"))
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
def test_the_clients_door(den: ChaosBroker) -> None:
    """Some of the lines are lawful, and change things; they do so as often as they like."""
    house = den
    house.start(modules=("m",))
    assert house.broker is not None
    source = random.Random(SEED)
    say(house, list(malformed.lines(source, WARM_UP)))
    before = footprint.of(house.broker.pid)
    say(house, list(malformed.lines(source, COUNT)))
    after = until_settled(house, before)
    print(f"seed {SEED}: {COUNT} lines at the clients' door: {before} before, {after} after")
    assert after.descriptors <= before.descriptors
    assert after.memory - before.memory < MEMORY
    if "m" in house.members():
        house.remove_module("m")  # a reload within 50 ms may have made it fail
    house.load_module("m")
    house.write()
    house.commits()
    members = house.members().values()
    assert all_run_what_is_in_force(house.rows(), house.ask("get"), members) == []


def until_settled(house: ChaosBroker, before: footprint.Footprint) -> footprint.Footprint:
    """The broker's footprint when the descriptors of clients who left are closed."""
    assert house.broker is not None
    pid = house.broker.pid
    with contextlib.suppress(AssertionError):
        until(lambda: footprint.of(pid).descriptors <= before.descriptors)
    return footprint.of(pid)


@pytest.mark.timeout(900)
def test_the_modules_socket(house: ChaosBroker) -> None:
    house.start(modules=("m",))
    assert house.broker is not None
    source = random.Random(SEED)
    with house.attached("y"):
        throw(house, list(malformed.frames(source, WARM_UP)))
        before = footprint.of(house.broker.pid)
        throw(house, list(malformed.frames(source, COUNT)))
        after = until_settled(house, before)
        print(f"seed {SEED}: {COUNT} frames at the modules' socket: {before} before, {after} after")
        assert after.descriptors <= before.descriptors
        assert after.memory - before.memory < MEMORY
        house.write()
        assert house.commits()["asked"] == 2
        assert house.judge_at_rest() == []


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


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
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


def test_two_names_on_one_connection(house: ChaosBroker) -> None:
    """One connection speaks for one participant; the second name is refused."""
    house.start(modules=("m",))
    with zmq.Context() as context, context.socket(zmq.DEALER) as liar:
        liar.setsockopt(zmq.LINGER, 0)
        liar.setsockopt(zmq.RCVTIMEO, int(PATIENCE * 1000))
        liar.connect(f"ipc://{house.rundir}/modules")
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
    kinds = sorted(type(one).__name__ for one in said)
    assert kinds == ["Admit", "Admit", "Refuse", "Refuse"]
    assert "two" not in house.members()
    house.remove_module("one")
    house.write()
    house.commits()
    assert house.judge_at_rest() == []


def test_coming_and_going(house: ChaosBroker) -> None:
    """A service that attaches and leaves again and again costs the broker nothing."""
    house.start()
    assert house.broker is not None

    def come_and_go(times: int) -> footprint.Footprint:
        for _ in range(times):
            with house.attached("y"):
                pass
            until(lambda: "y" not in house.members())
        return until_settled(house, before)

    before = footprint.of(house.broker.pid)
    before = come_and_go(2)
    after = come_and_go(20)
    assert after.descriptors <= before.descriptors


def throw(house: ChaosBroker, frames: list[bytes]) -> None:
    """Send these frames, on a hundred connections one after the other."""
    context = zmq.Context()
    batch = max(1, len(frames) // 100)
    for start in range(0, len(frames), batch):
        thrower = context.socket(zmq.DEALER)
        thrower.setsockopt(zmq.LINGER, int(PATIENCE * 1000))
        thrower.setsockopt(zmq.SNDTIMEO, int(PATIENCE * 1000))
        thrower.connect(f"ipc://{house.rundir}/modules")
        for frame in frames[start : start + batch]:
            thrower.send_multipart([frame] * (2 if len(frame) % 50 == 7 else 1))
        thrower.close()
    context.term()
    house.ask("status")
