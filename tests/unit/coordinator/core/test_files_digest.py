# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which files were taken for what runs is known in one place, also without a decision."""

from coordinator.core.effects import RecordFilesDigest
from coordinator.core.events import Asked, Begin, CandidateRead
from coordinator.core.machine import Coordinator
from coordinator.core.requests import ChangeRequest, FromFiles, Replacement
from protocol.configuration import Configuration
from tests.support.memory_disk import forced

OLD, NEW = (Configuration.of({"v": number}) for number in (1, 2))


def test_files_that_say_what_runs_are_known_from_then_on() -> None:
    machine = Coordinator(1, ledger="here")
    forced(machine, 0.0, Begin(files=OLD))
    forced(machine, 1.0, Asked(1, ChangeRequest(Replacement(NEW), "load")))
    assert machine.running is not None
    assert machine.running.decision.files == OLD.digest
    machine.step(2.0, Asked(2, ChangeRequest(FromFiles(), "reload")))
    effects = forced(machine, 2.1, CandidateRead("1.3", NEW))
    assert RecordFilesDigest(2, NEW.digest) in effects
    assert machine.running.decision.files == NEW.digest
