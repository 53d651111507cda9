# SPDX-License-Identifier: LGPL-3.0-or-later
"""A broker lives for months: what a change leaves in its memory, every other change leaves too."""

import json

from cli.client import Client
from tests.chaos import footprint
from tests.chaos.broker import ChaosBroker
from tests.support.patience import PATIENCE

CHANGES = 400
GROWTH = 8 * 1024
"""KiB; where the places of every text were remembered, it was three times as much."""


def test_a_broker_does_not_grow_with_the_changes_it_has_made(broker: ChaosBroker) -> None:
    broker.start(modules=("a",))
    assert broker.process is not None
    pid, client = broker.process.pid, Client(broker.uri)
    _change(client, 0, 200)  # until what is bounded is nearly full
    before = footprint.of(pid)
    _change(client, 200, 200 + CHANGES)
    after = footprint.of(pid)
    print(f"{CHANGES} changes: {before}, {after}")
    assert after.memory - before.memory < GROWTH
    assert after.descriptors == before.descriptors


def _change(client: Client, first: int, end: int) -> None:
    """Texts of which each is new, with keys that nobody reads: each answer tells their places."""
    for number in range(first, end):
        filler = {f"k{place}": f"value number {place}" for place in range(75)}
        text = json.dumps({"voter": {"serial": number}, "nobody": {"reads": number, **filler}})
        source = {"name": "<test>", "format": "json", "text": text}
        answer = client.ask("load", PATIENCE, sources=[source], timeout=PATIENCE)
        assert answer["result"] == "committed", answer
        assert any(warning.get("line") for warning in answer["warnings"]), answer["warnings"]
