# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the tests of this folder stand on: instances run, answer on every rank, and end."""

from tests.fluxcore.instance import Instance


def test_an_instance_of_three_runs_and_ends() -> None:
    with Instance(3).configured({"heartbeat": {"period": "9s"}}) as instance:
        for rank in range(3):
            for module in ("heartbeat", "content", "kvs"):
                instance.load_module(module, rank=rank)
        assert instance.configs() == [{"heartbeat": {"period": "9s"}}] * 3
        assert len(set(instance.broker_pids())) == 3
        refused = instance.flux("config", "set", "heartbeat.period", "never")
        assert (refused.status, "heartbeat" in refused.text) == (1, True)
    assert not instance.root.exists()
