# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who is asked without a broker, and that nobody's import holds that up."""

import signal
from pathlib import Path

import pytest

from cli.client import Trouble
from cli.commands.config.roster import bundled


def test_an_import_that_hangs_ends_with_its_time(tmp_path: Path) -> None:
    file = tmp_path / "slow.py"
    file.write_text("import time\ntime.sleep(60)\n")
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(Trouble, match=r"slow\.py:2: .*TimeoutError: .* within 0\.1 s") as trouble:
        bundled([str(file)], 0.1)
    assert trouble.value.code == "unloadable"
    assert signal.getsignal(signal.SIGALRM) is before
