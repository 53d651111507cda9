# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux module stats` of the bundled modules: the keys and units of flux-core 0.88.

data/flux-stats.json is what an instance of one broker told, without jobs and without configuration;
tests/fluxcore/test_stats.py asks a real one again.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from participant.loader import load
from participant.modules import BUNDLED
from participant.testing import Trial

RECORDED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "flux-stats.json").read_text()
)
OURS_ALONE = {
    "checks",  # not in Flux
    "modprobe",  # a program in Flux, not a module
    "sched-fluxion-resource", "sched-fluxion-feasibility", "sched-fluxion-qmanager",  # not recorded
}  # fmt: skip
BY_USE = {"clients", "checkpoints", "running", "jobs", "procs"}
"""Keys below which there is as much as there is work."""
CONFIGURED = {
    "heartbeat": ("period", "timeout", "warn_thresh"),
    "job-exec": (
        "method", "kill-timeout", "term-signal", "kill-signal", "max-kill-count",
        "max-kill-timeout", "effective-max-kill-timeout",
    ),
    "connector-local": ("allow_guest_user", "allow_root_owner"),
    "job-manager": ("housekeeping",),
}  # fmt: skip
"""What the configuration alone decides: the same values, too."""


def missing(theirs: Any, ours: Any, place: str = "") -> list[str]:
    """The places where ours has no value of the kind that theirs has."""
    if isinstance(theirs, dict):
        if not isinstance(ours, dict):
            return [place]
        found = []
        for key, value in theirs.items():
            below = f"{place}.{key}" if place else key
            if key not in ours:
                found.append(below)
            elif key not in BY_USE or type(value) is not type(ours[key]):
                found += missing(value, ours[key], below)
        return found
    return [] if type(theirs) is type(ours) else [place]


def test_every_bundled_module_is_looked_at() -> None:
    assert RECORDED.keys() | OURS_ALONE == BUNDLED.keys()


@pytest.mark.parametrize("name", RECORDED)
def test_keys_and_units_are_those_of_flux(name: str) -> None:
    told = json.loads(json.dumps(Trial(load(name)).module.stats(), allow_nan=False))
    assert missing(RECORDED[name], told) == []
    for key in CONFIGURED.get(name, ()):
        assert told[key] == RECORDED[name][key], key


def test_the_comparison_sees_a_unit_that_differs() -> None:
    assert missing({"a": 2.0, "b": {"c": 1}}, {"a": "2s", "b": {}}) == ["a", "b.c"]


@pytest.mark.parametrize(
    ("module", "text", "where", "value"),
    [
        ("heartbeat", '[heartbeat]\nperiod = "1.5m"\n', "period", 90.0),
        ("heartbeat", '[heartbeat]\ntimeout = "infinity"\n', "timeout", 0.0),
        ("job-exec", '[exec]\nkill-timeout = "1s"\nmax-kill-count = 4\n',
         "effective-max-kill-timeout", 12.0),
        ("job-exec", '[exec]\nmax-kill-timeout = "2m"\n', "effective-max-kill-timeout", 120.0),
        ("job-exec", '[exec]\nterm-signal = "USR1"\n', "term-signal", "SIGUSR1"),
        ("job-exec", '[exec]\nterm-signal = "9"\n', "term-signal", "SIGKILL"),
        ("kvs", '[kvs]\ncheckpoint-period = "30m"\n', "checkpoint-period", 1800.0),
        ("overlay", '[tbon]\ntorpid_max = "1h"\n', "torpid_max", 3600.0),
    ],
)  # fmt: skip
def test_durations_are_told_in_seconds(module: str, text: str, where: str, value: object) -> None:
    assert Trial(load(module), text).module.stats()[where] == value


def test_counters_are_cleared() -> None:
    module = Trial(load("heartbeat")).module
    module.timers[0].call()
    assert module.stats()["count"] == 1
    module.clear_stats()
    assert module.stats()["count"] == 0
