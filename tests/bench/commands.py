# SPDX-License-Identifier: LGPL-3.0-or-later
"""The cases that are whole commands, from the start of a process to its end."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from participant.modules import BUNDLED
from tests.bench.measure import Case, Row, interleaved
from tests.bench.ours import Ours

FLUX = str(Path(sys.executable).parent / "flux")


def seconds_of(*command: str, uri: str = "") -> float:
    """The time of one process; it must succeed."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "FLUX_URI": uri})  # fmt: skip
    return time.perf_counter() - began


def cases() -> Iterator[Case]:
    """All of them."""
    yield Case(("flux config get", "flux config reload, unchanged"), _config)
    yield Case(("flux start true, no modules",), _start)
    yield Case(("all bundled modules, per module",), _modules)


def _rounds(scale: float) -> int:
    return max(3, int(20 * scale))


def nothing() -> float:
    """The time of a Python that does nothing."""
    return seconds_of(sys.executable, "-c", "pass")


def _config(scale: float) -> Iterator[Row]:
    rounds = _rounds(scale)
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "conf.toml")
        files.write_text("[bench]\nx = 1\n")
        with Ours(0, 0, 2048, folder, str(files)) as ours:
            uri = ours.uri
            seconds_of(FLUX, "config", "reload", uri=uri)
            yield interleaved("flux config get", 4, rounds, nothing,
                              lambda: seconds_of(FLUX, "config", "get", uri=uri))  # fmt: skip
            yield interleaved("flux config reload, unchanged", 5, rounds, nothing,
                              lambda: seconds_of(FLUX, "config", "reload", uri=uri))  # fmt: skip


def _start(scale: float) -> Iterator[Row]:
    bare = ("start", "-S", "broker.rc1_path=", "true")
    yield interleaved("flux start true, no modules", 15, _rounds(scale), nothing,
                      lambda: seconds_of(FLUX, *bare))  # fmt: skip


def _modules(scale: float) -> Iterator[Row]:
    yield interleaved(
        "all bundled modules, per module", 1.5, max(3, _rounds(scale) // 4),
        lambda: seconds_of(sys.executable, "-c", "import zmq, pydantic"),
        lambda: seconds_of(FLUX, "start", "true") / len(BUNDLED),
    )  # fmt: skip
