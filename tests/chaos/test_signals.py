# SPDX-License-Identifier: LGPL-3.0-or-later
"""Signals that mean nothing to a broker do not end it."""

import signal

import pytest

from tests.chaos.broker import ChaosBroker


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2])
def test_a_signal_that_means_nothing(broker: ChaosBroker, number: signal.Signals) -> None:
    """Their default is to end the process at once (signal(7)), sockets and modules left behind."""
    broker.start()
    assert broker.process is not None
    broker.process.send_signal(number)
    with broker.attached("x"):
        broker.write()
        assert broker.reload()["result"] == "committed"
    assert broker.end() == 0
