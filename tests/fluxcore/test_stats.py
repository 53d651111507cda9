# SPDX-License-Identifier: LGPL-3.0-or-later
"""The recording of what Flux's modules tell of themselves is what this Flux tells."""

import json
import os
import subprocess
from typing import Any

from tests.conformance.test_stats import RECORDED, missing
from tests.support.patience import PATIENCE
from tests.support.real_flux import real_flux

ASK = """\
for name in {names}; do
    printf '%s\\t' $name
    flux module stats $name | tr -d '\\n'
    echo
done"""
IDLE = ("sdbus", "sdexec")
"""Not loaded without systemd."""


def told() -> dict[str, Any]:
    """What the modules of a real instance of one broker tell, by name."""
    flux = real_flux()
    assert flux is not None
    names = [name for name in RECORDED if name not in IDLE]
    environment = {name: value for name, value in os.environ.items() if name[:5] != "FLUX_"}
    done = subprocess.run([flux, "start", "-s1", "sh", "-c", ASK.format(names=" ".join(names))],
                          env=environment, capture_output=True, text=True,
                          timeout=PATIENCE)  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = (line.split("\t", 1) for line in done.stdout.splitlines())
    return {name: json.loads(text) for name, text in lines}


def test_the_recording_is_what_flux_tells() -> None:
    shown = told()
    assert shown.keys() == RECORDED.keys() - set(IDLE)
    for name, stats in shown.items():
        assert missing(stats, RECORDED[name]) == [], name
        assert missing(RECORDED[name], stats) == [], name
