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
from tests.bench.measure import Row, interleaved
from tests.bench.ours import Ours

FLUX = str(Path(sys.executable).parent / "flux")


def seconds_of(*command: str, uri: str = "") -> float:
    """The time of one process; it must succeed."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "FLUX_URI": uri})  # fmt: skip
    return time.perf_counter() - began


def rows(scale: float) -> Iterator[Row]:
    """All of them; `scale` times the usual number of rounds."""
    rounds = max(3, int(20 * scale))

    def nothing() -> float:
        return seconds_of(sys.executable, "-c", "pass")

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
    bare = ("start", "-S", "broker.rc1_path=", "true")
    yield interleaved("flux start true, no modules", 15, rounds, nothing,
                      lambda: seconds_of(FLUX, *bare))  # fmt: skip
    yield interleaved(
        "all bundled modules, per module", 1.5, max(3, rounds // 4),
        lambda: seconds_of(sys.executable, "-c", "import zmq, pydantic"),
        lambda: seconds_of(FLUX, "start", "true") / len(BUNDLED),
    )  # fmt: skip
