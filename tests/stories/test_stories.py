# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every story under tests/stories/, one test each."""

from pathlib import Path

import pytest

from coordinator.core.effects import Step
from coordinator.core.events import TimePassed
from tests.stories.coordinator_driver import CoordinatorDriver
from tests.stories.participant_driver import ParticipantDriver
from tests.stories.script import perform

STORIES = Path(__file__).parent
NOTHING = Step((), None)


@pytest.mark.parametrize(
    "path", sorted((STORIES / "coordinator").glob("*.txt")), ids=lambda p: p.stem
)
def test_coordinator(path: Path) -> None:
    perform(path, CoordinatorDriver())


class Restless(CoordinatorDriver):
    """Wakes the machine after each command, though nothing is due."""

    def __init__(self) -> None:
        super().__init__()
        self.wakes: set[float] = set()

    def __call__(self, words: list[str]) -> str:
        answer = super().__call__(words)
        if "coordinator" in words:  # a new one, which has not begun
            self.wakes.clear()
            return answer
        asked = (line for line in answer.splitlines() if line.startswith("wake at "))
        self.wakes |= {float(line.removeprefix("wake at ")) for line in asked}
        due = any(wake <= self.now for wake in self.wakes)
        self.wakes = {wake for wake in self.wakes if wake > self.now}
        if not due and not self.machine.halted:
            assert self.machine.step(self.now, TimePassed()) == NOTHING, words
        return answer


@pytest.mark.parametrize(
    "path", sorted((STORIES / "coordinator").glob("*.txt")), ids=lambda p: p.stem
)
def test_a_wake_that_comes_early_changes_nothing(path: Path) -> None:
    perform(path, Restless())


@pytest.mark.parametrize(
    "path", sorted((STORIES / "participant").glob("*.txt")), ids=lambda p: p.stem
)
def test_participant(path: Path) -> None:
    perform(path, ParticipantDriver())


def test_a_wrong_answer_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REWRITE_STORIES", raising=False)
    story = tmp_path / "wrong.txt"
    story.write_text(
        "connected\n----\ntell Join: runs generation 7\n(idle, generation 7, epoch 0)\n"
    )
    with pytest.raises(AssertionError):
        perform(story, ParticipantDriver())
