# SPDX-License-Identifier: LGPL-3.0-or-later
"""Those who read the configuration: guests, streams, modules at their birth; and trial changes."""

import time
from pathlib import Path

import pytest

from tests.fluxcore.instance import Instance
from tests.support.patience import until

GUEST = {"FLUX_HANDLE_ROLEMASK": "0x2", "FLUX_HANDLE_USERID": "1000"}
"""With these a connection of the owner's counts as another user's."""


def test_guests_read_and_do_not_write(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    instance.up()
    assert instance.load({"a": {"n": 1}}).status == 0
    for name, value in GUEST.items():
        monkeypatch.setitem(instance.environment, name, value)
    for rank in range(3):
        assert instance.flux("config", "get", rank=rank).text == '{"a":{"n":1}}\n'
        done = instance.load({"a": {"n": 2}}, rank=rank)
        assert done.status == 1
        assert "owner" in done.text
    assert instance.configs() == [{"a": {"n": 1}}] * 3


def test_who_keeps_on_reading_is_told_of_every_change(instance: Instance) -> None:
    instance.up()
    flags = instance.handle(0).constants.FLUX_RPC_STREAMING
    streams = {
        rank: instance.handle(rank).handle.rpc("config.get", nodeid=rank, flags=flags)
        for rank in range(3)
    }
    for n in range(3):
        for future in streams.values():
            assert future.get() == ({"a": {"n": n}} if n else {})
            future.reset()
        assert instance.load({"a": {"n": n + 1}}, rank=n).status == 0


def test_what_nobody_confirms_is_undone_by_itself(instance: Instance) -> None:
    instance.up()
    assert instance.load({"a": {"n": 1}}).status == 0
    done = instance.accord("config", "set", "--confirm=2s", "--type=integer", "a.n", "2", rank=2)
    assert done.status == 0, done
    assert instance.configs() == [{"a": {"n": 2}}] * 3
    until(lambda: instance.configs() == [{"a": {"n": 1}}] * 3, "it is undone")
    done = instance.accord("config", "set", "--confirm=30s", "--type=integer", "a.n", "3")
    assert done.status == 0, done
    assert instance.accord("config", "confirm", rank=1).status == 0
    assert instance.configs() == [{"a": {"n": 3}}] * 3


def test_modules_are_born_with_what_the_ledger_holds(whole: Instance, tmp_path: Path) -> None:
    """No file says how often the heart beats; the ledger of the instance's last life does."""
    whole.rc = (f"-Sstatedir={tmp_path}",)
    whole.start()
    assert whole.load({"heartbeat": {"period": "0.1s"}}).status == 0
    assert whole.stop() == 0
    whole.start()
    assert whole.config(2) == {"heartbeat": {"period": "0.1s"}}
    handle = whole.handle(0).handle
    handle.event_subscribe("heartbeat.pulse")
    began = time.monotonic()
    for _ in range(5):
        handle.event_recv()
    assert time.monotonic() - began < 4  # by default it beats every 2 s
    del handle
    assert whole.stop() == 0


def test_sixteen_brokers() -> None:
    instance = Instance(16, "-Stbon.topo=kary:2").start()
    try:
        instance.up()
        instance.load_module("voter", "max=5", rank=15)
        assert instance.load({"voter": {"n": 3}}, rank=9).status == 0
        assert instance.configs() == [{"voter": {"n": 3}}] * 16
        done = instance.load({"voter": {"n": 6}})
        assert done.status == 1
        assert "rank 15: voter: n: 6 is more than 5" in done.text
        assert instance.configs() == [{"voter": {"n": 3}}] * 16
        assert instance.flux("module", "remove", "voter", rank=15).status == 0
    finally:
        instance.close()
