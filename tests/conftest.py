# SPDX-License-Identifier: LGPL-3.0-or-later
"""What holds for all tests: their kinds, what a failure tells, and that they can be interrupted.

A shell starts background jobs with SIGINT ignored, and that is inherited; a test that presses
Ctrl-C on a child must not depend on how the tests were started.
"""

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.broker import RunningBroker
from tests.support.examples import examples

settings.register_profile("patient", examples(100))
settings.load_profile("patient")

signal.signal(signal.SIGINT, signal.default_int_handler)

KINDS = (
    "unit", "integration", "conformance", "stories", "simulation",
    "exploration", "chaos", "documents", "fluxcore",
)  # fmt: skip
"""Folders, and the marker that every test in one of them has: `pytest -m chaos`."""
TESTS = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    for kind in KINDS:
        config.addinivalue_line("markers", f"{kind}: a test of the folder tests/{kind}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test with its kind."""
    for item in items:
        kind = item.path.relative_to(TESTS).parts[0]
        assert kind in KINDS, f"{item.path} is in no folder of a kind of test"
        item.add_marker(kind)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure tells what the brokers of the test have logged, and how to run it again."""
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, RunningBroker):
                report.sections.append((f"log of the broker `{name}`", value.log_tail()))
        report.sections.append(("to run it again", _command(item)))
    return report


def _command(item: pytest.Item) -> str:
    replay = [f"{name}={value}" for name, value in os.environ.items() if name.startswith("CHAOS_")]
    return " ".join([*replay, "python -m pytest", f"'{item.nodeid}'"])
