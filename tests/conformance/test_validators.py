# SPDX-License-Identifier: LGPL-3.0-or-later
"""The bundled validators beside a real Flux, against the recorded broker: who refuses, by name."""

import json
from pathlib import Path

from coordinator.files.reading import Unreadable
from participant.fluxcore.validators import judge
from tests.conformance.test_flux_corpus import CASES, STRICTER, read_case, write_surroundings

LOADED = (
    *("connector-local", "overlay", "heartbeat", "kvs", "content-sqlite", "resource"),
    *("job-manager", "job-list", "job-ingest", "job-exec"),
)
"""The modules of the recorded broker that have a say; systemd's were not loaded."""


def test_they_agree_case_by_case(tmp_path: Path) -> None:
    """What the texts add up to is not asked here: a Flux's own parser has read them."""
    write_surroundings(tmp_path)
    differing, judged = [], 0
    for line in CASES.read_text().splitlines():
        case = json.loads(line)
        try:
            candidate = read_case(case, tmp_path, tmp_path)
        except Unreadable:
            continue
        judged += 1
        found = judge(LOADED, candidate, about_a_start=False)
        ours = {name for name, judgement in found.items() if judgement.reasons}
        if ours != set(case["live_modules"] or ()) and case["id"] not in STRICTER:
            differing.append(f"{case['id']}: {ours} {case['live_modules']}")
    assert judged > 500
    assert differing == []
