# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every story under tests/stories/, one test each."""

from pathlib import Path

import pytest

from tests.stories.coordinator_driver import CoordinatorDriver
from tests.stories.participant_driver import ParticipantDriver
from tests.stories.script import perform

STORIES = Path(__file__).parent


@pytest.mark.parametrize(
    "path", sorted((STORIES / "coordinator").glob("*.txt")), ids=lambda p: p.stem
)
def test_coordinator(path: Path) -> None:
    perform(path, CoordinatorDriver())


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
