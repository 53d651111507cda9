# SPDX-License-Identifier: LGPL-3.0-or-later
"""A short temporary directory: sockets are bound in it, whose paths have 107 bytes (unix(7))."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In place of pytest's, whose name grows with the number of processes that share the tests."""
    with tempfile.TemporaryDirectory(prefix="flux-test-") as directory:
        yield Path(directory)
