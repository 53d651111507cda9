# SPDX-License-Identifier: LGPL-3.0-or-later
"""Tests of this folder need a real Flux; without one they are skipped, and say so."""

import os
from collections.abc import Generator

import pytest

from tests.fluxcore.instance import Instance
from tests.support.flux_instance import why_not


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
