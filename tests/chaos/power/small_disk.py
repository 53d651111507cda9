# SPDX-License-Identifier: LGPL-3.0-or-later
"""`python -m tests.chaos.power.small_disk`: a broker on a disk that is full again and again.

Runs in a mount namespace of its own (unshare(1)), where the disk is a tmpfs that goes with it.
Ends with an AssertionError where something is wrong.
"""

import os
import subprocess
from typing import Any

from tests.chaos.broker import ChaosBroker
from tests.chaos.campaign import digest_of_files
from tests.chaos.verdicts import Answered
from tests.support.outcome import expect

SIZE = 8 << 20
PAGE = 4096
ROOM = (0, 1, 3, 8, 12, 30)
"""Pages that are left on the disk when a change is proposed."""


class SmallDisk:
    """The state directory is on it, and a file that takes what room there is."""

    def __init__(self, broker: ChaosBroker) -> None:
        path = broker.root / "disk"
        path.mkdir(mode=0o700)
        options = f"size={SIZE},mode=700"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=True)
        broker.statedir = path / "state"
        broker.statedir.mkdir(mode=0o700)
        self._path, self._ballast = path, path / "ballast"

    def fill(self, pages: int) -> None:
        """Leave so many pages."""
        self.empty()
        found = os.statvfs(self._path)
        self._ballast.write_bytes(bytes((found.f_bavail - pages) * PAGE))

    def empty(self) -> None:
        """Make room."""
        self._ballast.unlink(missing_ok=True)


def propose(broker: ChaosBroker, answers: list[Answered], size: int) -> dict[str, Any]:
    """A change of so many bytes; what came of it."""
    broker.write()
    text = (broker.files / "voter.toml").read_text()
    broker.write_text(f'ballast = "{"x" * size}"\n{text}')
    outcome = broker.reload()
    answers.append(Answered(outcome, digest_of_files(broker)))
    return outcome


def full_and_empty(broker: ChaosBroker, disk: SmallDisk, answers: list[Answered]) -> None:
    """One broker goes on through all of it."""
    refused = 0
    for pages in ROOM:
        base = broker.generation
        disk.fill(pages)
        outcome = expect(propose(broker, answers, 40_000), "committed", "refused")
        if outcome["result"] == "refused":
            refused += 1
            (reason,) = outcome["reasons"]
            assert "the decision could not be written to the ledger" in reason["message"], reason
            assert "disk is full" in reason["message"], reason
            assert broker.generation == base
            broker.wait_for_record("y", "released", digest_of_files(broker))
        assert broker.judge_at_rest(*answers) == [], f"{pages} pages"
        disk.empty()
        expect(propose(broker, answers, 40_000), "committed")
        assert broker.judge_at_rest(*answers) == [], f"after {pages} pages"
    assert 2 < refused < len(ROOM), "some had room, and some had none"


def start_without_room(broker: ChaosBroker, disk: SmallDisk, answers: list[Answered]) -> None:
    """Refused with what to do about it; then all is there."""
    last = broker.generation
    broker.kill()
    disk.fill(0)
    broker.launch(modules=("m",))
    assert broker.wait_dead() != 0
    assert "make room, and start again" in broker.log_tail()
    disk.empty()
    broker.start(modules=("m",))
    assert broker.generation == last
    assert broker.judge(*answers) == []


def main() -> None:
    """All of it."""
    broker = ChaosBroker()
    try:
        disk = SmallDisk(broker)
        answers: list[Answered] = []
        broker.start(modules=("m",))
        with broker.attached("y"):
            full_and_empty(broker, disk, answers)
            start_without_room(broker, disk, answers)
    finally:
        print(broker.log_tail())
        subprocess.run(["umount", "--lazy", str(broker.root / "disk")], check=False)
        broker.close()


if __name__ == "__main__":
    main()
