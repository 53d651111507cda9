# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a ledger holds when the process that wrote it has died, or its disk was full."""

import subprocess
import sys
from pathlib import Path

from coordinator.ledger.sqlite import SqliteLedger
from tests.support.patience import PATIENCE


def test_a_decision_survives_the_death_of_the_process(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from coordinator.ledger.sqlite import SqliteLedger\n"
        "from tests.unit.coordinator.ledger.test_sqlite import decision\n"
        "SqliteLedger.open(sys.argv[1]).force(decision(1, x=7))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, timeout=PATIENCE)
    ledger = SqliteLedger.open(str(tmp_path))
    last = ledger.last()
    assert last is not None
    assert last.configuration.plain() == {"x": 7}
    ledger.close()


def test_a_full_disk_at_the_start_asks_for_room(tmp_path: Path) -> None:
    program = (
        "import resource, sys\n"
        "from coordinator.ledger.errors import LedgerError\n"
        "from coordinator.ledger.sqlite import SqliteLedger\n"
        "size = int(sys.argv[2])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    SqliteLedger.open(sys.argv[1])\n"
        "except LedgerError as error:\n"
        "    sys.exit('make room' not in str(error) or 'backup' in str(error))\n"
        "sys.exit(2)\n"
    )
    SqliteLedger.open(str(tmp_path)).close()
    for size in (100, 5000, 20000):
        command = [sys.executable, "-c", program, str(tmp_path), str(size)]
        ended = subprocess.run(command, check=False, timeout=PATIENCE)
        assert ended.returncode == 0, size


def test_a_full_disk_is_a_certain_failure(tmp_path: Path) -> None:
    """A limit on the file's size stands for the full disk (setrlimit(2), RLIMIT_FSIZE)."""
    program = (
        "import resource, sys\n"
        "from coordinator.ledger.errors import NotWritten\n"
        "from coordinator.ledger.sqlite import SqliteLedger\n"
        "from protocol.configuration import Configuration\n"
        "from tests.unit.coordinator.ledger.test_sqlite import decision\n"
        "ledger = SqliteLedger.open(sys.argv[1])\n"
        "ledger.force(decision(1, x=1))\n"
        "long = Configuration.of({'t': 'x' * 999999})\n"
        "big = decision(2)._replace(configuration=long)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200000, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    ledger.force(big)\n"
        "except NotWritten:\n"
        "    pass\n"
        "else:\n"
        "    sys.exit(1)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)\n"
        "ledger.force(decision(2, x=2))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    ended = subprocess.run(command, check=False, timeout=PATIENCE)
    assert ended.returncode == 0
    ledger = SqliteLedger.open(str(tmp_path))
    last = ledger.last()
    assert last is not None
    assert last.configuration.plain() == {"x": 2}
    ledger.close()
