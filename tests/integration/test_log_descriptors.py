# SPDX-License-Identifier: LGPL-3.0-or-later
"""The log of a process that can open no file."""

import json
import os
import resource
import subprocess
import sys

from tests.support.patience import PATIENCE

EXHAUSTED = """
import os
from coordinator.runtime.log import Log
log = Log("json", level=4)
try:
    while True:
        os.open("/dev/null", os.O_RDONLY)
except OSError:
    pass
log.warn("one", number=1)
os.closerange(3, 1024)
log.warn("two", number=2)
"""


def test_a_first_warning_needs_no_descriptor() -> None:
    """What prints is imported when there is something to print, and files may not be openable."""
    soft, hard = 64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    ended = subprocess.run(
        [sys.executable, "-c", EXHAUSTED],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
    )
    assert ended.returncode == 0, ended.stderr
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [(line["event"], line["number"]) for line in lines] == [("one", 1), ("two", 2)]
