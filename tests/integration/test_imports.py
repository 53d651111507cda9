# SPDX-License-Identifier: LGPL-3.0-or-later
"""What is not imported costs no time: seen in processes that have imported nothing else."""

import subprocess
import sys
from collections.abc import Mapping

from participant.modules import BUNDLED


def test_importing_loads_no_grammar() -> None:
    program = (
        "import sys, coordinator.files.reading;"
        "print([m for m in sys.modules if 'tree_sitter' in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_modules_are_imported_fast() -> None:
    """Only pydantic and our own: a module's process is started for each of them."""
    code = (
        "import sys, importlib\n"
        f"for path in {list(BUNDLED.values())!r}: importlib.import_module(path)\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded: Mapping[str, None] = dict.fromkeys(done.stdout.split())
    for slow in ("zmq", "sqlite3", "asyncio", "structlog", "xml.etree.ElementTree", "coordinator"):
        assert slow not in loaded
