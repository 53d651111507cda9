# SPDX-License-Identifier: LGPL-3.0-or-later
"""Keys in error texts as flux-core 0.88 writes them."""

import pytest

from participant.fluxcore.flux_text import key_in, reasons_in
from protocol.configuration import Configuration
from protocol.keys import Path

CANDIDATE = Configuration.of(
    {
        "heartbeat": {"period": "zz"},
        "exec": {"method": "nope"},
        "queues": {"debug": {"x": 1}},
        "policy": 3,
    }
)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("error parsing heartbeat.period FSD value", ("heartbeat", "period")),
        ("unknown exec.method 'nope'", ("exec", "method")),
        ("error parsing [queues.debug] config table: unexpected x", ("queues", "debug")),
        ("error parsing [policy] config table: Expected object, got integer", ("policy",)),
        ("no policy for debug", ()),
        ("error parsing kvs.checkpoint-period", ()),
        ("heartbeat.other, then heartbeat.period.", ("heartbeat", "period")),
        ("[", ()),
        ("", ()),
    ],
)
def test_the_key_that_a_line_names(line: str, key: Path) -> None:
    assert key_in(line, CANDIDATE) == key


def test_a_reason_a_line() -> None:
    found = list(reasons_in("m", "one\n\n two exec.method \n", CANDIDATE))
    assert list(map(str, found)) == ["m: one", "m: exec.method: two exec.method"]
    assert [str(reason) for reason in reasons_in("m", " \n", CANDIDATE)] == [
        "m: refused, and did not say why"
    ]
