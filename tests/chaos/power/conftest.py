# SPDX-License-Identifier: LGPL-3.0-or-later
"""The library that writes down what happens to files, and a fast place for what is left of them."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.power import journal

_MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built with gcc, and skipped where there is none."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no gcc to build the library that plays power cuts")
    return journal.build(tmp_path_factory.mktemp("library"), compiler)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory where there is such a place: thousands of ledgers are opened there."""
    if not _MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=_MEMORY, prefix="flux-test-") as name:
        yield Path(name)
