# SPDX-License-Identifier: LGPL-3.0-or-later
"""Members that come, come again, and go, whatever their names for themselves are."""

import pytest

from coordinator.core.effects import Send
from coordinator.core.requests import ChangeRequest, Earlier, LoadRequest, RemoveRequest, Spec
from coordinator.core.results import Result
from protocol.messages import Abort, Refuse, Shutdown
from tests.support.stage import NEW, OLD, Stage


@pytest.fixture
def stage() -> Stage:
    """Attached `a` and `b` run OLD, which is generation 1."""
    return Stage.with_attached("a", "b")


@pytest.mark.parametrize("life", ["a-0", "a-2"])
def test_another_life_ends_the_one_before_in_whatever_order_they_are(
    stage: Stage, life: str
) -> None:
    stage.change(1, NEW)
    stage.vote("a")
    stage.cut("a")
    stage.join("a", incarnation=life, session=f"{life}.1")
    stage.vote("b")
    told = stage.told(1)
    assert told.result is Result.REFUSED
    (reason,) = told.reasons
    assert reason.message == "ended one life and began another while it was asked"
    assert stage.sent(Abort, "b")


def test_the_same_life_over_another_connection_stays_a_voter(stage: Stage) -> None:
    stage.change(1, NEW)
    asked = stage.member("a").owes
    stage.vote("a")
    stage.cut("a")
    stage.join("a", in_doubt=asked)
    stage.vote("b")
    stage.applied("b")
    assert stage.machine.generation == 2
    assert not stage.sent(Refuse)


@pytest.mark.parametrize("later", [b"a-0", b"a-2"])
def test_of_two_that_join_before_the_process_is_known_the_later_counts(
    stage: Stage, later: bytes
) -> None:
    stage.ask(1, LoadRequest("c", Spec("c")))
    stage.join("c", peer=b"a-1")
    stage.join("c", peer=b"a-1")
    assert not stage.sent(Refuse)
    stage.join("c", peer=later)
    assert [send.peers for send in stage.found(Send) if isinstance(send.message, Refuse)] == [
        (b"a-1",)
    ]
    stage.started("c", stage.pids["c"])
    assert stage.member("c").peer == later


def test_one_that_is_being_removed_is_told_so_again_when_it_comes_back(stage: Stage) -> None:
    stage.child("c")
    stage.ask(1, RemoveRequest("c"))
    stage.cut("c")
    stage.clear()
    stage.join("c")
    assert [message.why for message in stage.sent(Shutdown, "c")] == ["removed"]
    assert stage.untold(1)
    stage.died("c")
    assert stage.told(1).result is Result.REMOVED


@pytest.mark.parametrize(("speaker", "name"), [("a", "c"), ("b", "a2")])
def test_a_connection_is_that_of_one_member(stage: Stage, speaker: str, name: str) -> None:
    stage.join(name, peer=speaker.encode())
    assert [said.why for said in stage.sent(Refuse, speaker)] == [
        f"this connection is that of {speaker}"
    ]
    assert name not in stage.machine.members


def test_one_that_was_cast_off_hears_nothing_after_its_dismissal(stage: Stage) -> None:
    stage.change(1, NEW)
    for name in ("a", "b"):
        stage.vote(name)
    for name in ("a", "b"):
        stage.applied(name)
    stage.ask(2, ChangeRequest(Earlier(), "rollback"))
    stage.read(OLD)
    stage.vote("b", False)
    stage.clear()
    stage.ask(3, RemoveRequest("a", cancel=True))
    assert stage.told(2).result is Result.REFUSED
    assert [type(send.message) for send in stage.found(Send) if b"a" in send.peers] == [Shutdown]


def test_the_yes_of_one_that_was_cast_off_is_worth_nothing(stage: Stage) -> None:
    stage.change(1, NEW)
    stage.vote("a")
    stage.ask(2, RemoveRequest("a", cancel=True))
    stage.vote("b")
    told = stage.told(1)
    assert [str(reason) for reason in told.reasons] == ["a: was removed while it was asked"]
