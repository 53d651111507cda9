# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every story under tests/stories/, one test each."""

from pathlib import Path

import pytest

from coordinator.core.effects import Step, WriteLog
from coordinator.core.events import TimePassed
from tests.stories.coordinator_driver import CoordinatorDriver
from tests.stories.participant_driver import ParticipantDriver
from tests.stories.script import perform

STORIES = Path(__file__).parent
COORDINATOR = sorted((STORIES / "coordinator").glob("*.txt"))
PARTICIPANT = sorted((STORIES / "participant").glob("*.txt"))
NOTHING = Step((), None)


@pytest.mark.parametrize("path", COORDINATOR, ids=lambda p: p.stem)
def test_coordinator(path: Path) -> None:
    perform(path, CoordinatorDriver())


SAID_AGAIN = ("vote", "leave", "unreachable", "hang-up", "stop")
HEARD_AGAIN = ("cut", "commit", "abort", "refuse", "shutdown")


class Repeating(CoordinatorDriver):
    """What has been said once is said again, or noticed again."""

    def __call__(self, words: list[str]) -> str:
        answer = super().__call__(words)
        command = words[2:] if words[0] == "at" else words
        if command[0] in SAID_AGAIN and not self.machine.halted:
            again = self.machine.step(self.now, self.event(command))
            assert [one for one in again.effects if not isinstance(one, WriteLog)] == [], words
            assert again.force is None
        return answer


class RepeatingParticipant(ParticipantDriver):
    """What it has heard once it hears again."""

    def __call__(self, words: list[str]) -> str:
        answer = super().__call__(words)
        if words[0] in HEARD_AGAIN:
            assert self.machine.step(self.event(words)) == (), words
        return answer


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


@pytest.mark.parametrize("path", COORDINATOR, ids=lambda p: p.stem)
def test_a_wake_that_comes_early_changes_nothing(path: Path) -> None:
    perform(path, Restless())


@pytest.mark.parametrize("path", COORDINATOR, ids=lambda p: p.stem)
def test_what_is_said_twice_counts_once(path: Path) -> None:
    perform(path, Repeating())


@pytest.mark.parametrize("path", PARTICIPANT, ids=lambda p: p.stem)
def test_participant(path: Path) -> None:
    perform(path, ParticipantDriver())


@pytest.mark.parametrize("path", PARTICIPANT, ids=lambda p: p.stem)
def test_what_a_participant_hears_twice_counts_once(path: Path) -> None:
    perform(path, RepeatingParticipant())


def test_a_wrong_answer_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REWRITE_STORIES", raising=False)
    story = tmp_path / "wrong.txt"
    story.write_text(
        "connected\n----\ntell Join: runs generation 7\n(idle, generation 7, epoch 0)\n"
    )
    with pytest.raises(AssertionError):
        perform(story, ParticipantDriver())
