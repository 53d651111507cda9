# SPDX-License-Identifier: LGPL-3.0-or-later
"""Tests of this folder need a real Flux; without one they are skipped, and say so."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.fluxcore.instance import ACCORD, ROOT, Instance
from tests.support.real_flux import why_not


@pytest.fixture(scope="session", autouse=True)
def _real_flux() -> None:
    """Skip without a Flux; fail where one is demanded (`make test-flux`)."""
    missing = why_not()
    if missing and os.environ.get("FLUX_DEMANDED"):
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)


@pytest.fixture
def instance() -> Generator[Instance]:
    """Three brokers, and no agent yet."""
    made = Instance().start()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def whole(tmp_path: Path) -> Generator[Instance]:
    """Three brokers with rc1 and rc3, which start agents by the task for rc1; not started yet."""
    made = Instance()
    program = tmp_path / "flux-accord"
    program.write_text(f'#!/bin/sh\nexec {" ".join(ACCORD)} "$@"\n')
    program.chmod(0o755)
    made.environment["PATH"] = os.pathsep.join([str(tmp_path), made.environment["PATH"]])
    made.environment["FLUX_MODPROBE_PATH_APPEND"] = str(ROOT / "examples" / "fluxcore")
    made.rc = ()
    try:
        yield made
    finally:
        made.close()
