# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the tests of this folder stand on: instances run, answer on every rank, and end."""

from tests.support.flux_instance import FEW_MODULES, FluxInstance, answers


def test_an_instance_of_three_runs_and_ends() -> None:
    with FluxInstance(3, config={"heartbeat": {"period": "9s"}}, modules=FEW_MODULES) as instance:
        found = answers(
            instance.handle(), {str(rank): ("config.get", None, rank) for rank in range(3)}
        )
        assert list(found.values()) == [{"heartbeat": {"period": "9s"}}] * 3
        assert len(set(instance.pids())) == 3
        refused = instance.run("config", "set", "heartbeat.period", "never")
        assert (refused.returncode, "heartbeat" in refused.stderr) == (1, True)
        directory = instance.directory
    assert not directory.exists()
