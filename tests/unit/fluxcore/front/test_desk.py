# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every request is answered once: by the text in force, by an agent, by the next, or in time."""

import errno
import select
import socket
from typing import Any

import pytest

from fluxcore.front.channel import Channel
from fluxcore.front.desk import Desk
from protocol import limits


class Asked:
    """A request as Flux brings it, and what was answered to it."""

    def __init__(
        self, method: str, sender: str = "c1", text: str | None = None, streaming: bool = False,
        userid: int = 7, from_owner: bool = True,
    ) -> None:  # fmt: skip
        self.topic, self.sender, self.text = f"config.{method}", sender, text
        self.streaming, self.userid, self.from_owner = streaming, userid, from_owner
        self.answers: list[str | None] = []
        self.refusal: tuple[int, str] | None = None

    def answer(self, text: str | None = None) -> None:
        assert self.refusal is None
        assert self.streaming or not self.answers, "answered twice"
        self.answers.append(text)

    def refuse(self, number: int, text: str) -> None:
        assert self.refusal is None, "answered twice"
        assert not self.answers, "answered twice"
        self.refusal = number, text

    def ends(self, kept: Any) -> bool:
        return bool(kept.sender == self.sender)


class Scene:
    """A desk, a clock, and agents at the other end of real sockets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.desk = Desk("life", lambda: self.now)

    def agent(self) -> Channel:
        """An agent arrives; its end."""
        here, there = socket.socketpair()
        self.desk.agent_serves(Channel(here))
        return Channel(there)

    def ask(self, *arguments: Any, **fields: Any) -> Asked:
        """A request comes."""
        asked = Asked(*arguments, **fields)
        self.desk.requested(asked)
        return asked

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds
        self.desk.time_passed()


@pytest.fixture
def scene() -> Scene:
    """Generation 4 is in force."""
    made = Scene()
    made.desk.publish('{"a":1}', 4)
    return made


def test_get_is_answered_with_or_without_an_agent(scene: Scene) -> None:
    assert scene.ask("get").answers == ['{"a":1}']
    scene.agent()
    assert scene.ask("get", from_owner=False).answers == ['{"a":1}']


def test_who_keeps_on_reading_is_told_each_change_until_it_goes(scene: Scene) -> None:
    reader = scene.ask("get", streaming=True)
    scene.desk.publish('{"a":2}', 5)
    scene.desk.publish('{"a":2}', 6)  # the same again is no change
    scene.ask("disconnect", sender="c2")
    scene.desk.publish('{"a":3}', 7)
    scene.ask("disconnect")
    scene.desk.publish('{"a":4}', 8)
    assert reader.answers == ['{"a":1}', '{"a":2}', '{"a":3}']


def test_get_waits_for_the_first_text_and_not_for_ever() -> None:
    scene = Scene()
    first, gone = scene.ask("get"), scene.ask("get", sender="c2")
    scene.ask("disconnect", sender="c2")
    scene.desk.publish("{}", 1)
    assert (first.answers, gone.answers) == (["{}"], [])
    other = Scene()
    late = other.ask("get")
    other.wait(limits.AGENT_AWAY_SECONDS)
    assert late.refusal is not None
    assert late.refusal[0] == errno.ETIMEDOUT


def test_a_change_goes_to_the_agent_and_its_answer_back(scene: Scene) -> None:
    agent = scene.agent()
    scene.ask("get")
    load, reload = scene.ask("load", text='{"a":2}'), scene.ask("reload", sender="c9")
    (first, texts), (second, none) = agent.receive()
    assert texts == ['{"a":2}', '{"a":1}']  # with what the same connection has read
    assert (first["verb"], first["uid"], first["again"]) == ("load", 7, False)
    assert (second["verb"], none) == ("reload", [])
    assert first["txid"] != second["txid"]
    scene.desk.answered(first["txid"])
    scene.desk.answered(second["txid"], errno.EINVAL, "two\nreasons")
    assert load.answers == [None]
    assert reload.refusal == (errno.EINVAL, "two\nreasons")
    scene.desk.answered(first["txid"])  # said again: nobody is there


def test_guests_change_nothing_and_nonsense_is_refused(scene: Scene) -> None:
    scene.agent()
    guest = scene.ask("load", text="{}", from_owner=False)
    assert guest.refusal == (errno.EPERM, "Request requires owner credentials")
    nonsense = scene.ask("frobnicate")
    assert nonsense.refusal == (errno.ENOSYS, "Unknown service method 'config.frobnicate'")


def test_what_a_dead_agent_was_asked_the_next_one_is_asked_about(scene: Scene) -> None:
    first = scene.agent()
    asked = scene.ask("load", text="{}")
    ((before, _),) = first.receive()
    scene.desk.agent_gone()
    waits = scene.ask("load", text="{}", sender="c2")
    second = scene.agent()
    (again, texts), (new, _) = second.receive()
    assert (again["txid"], again["again"], texts) == (before["txid"], True, ["{}"])
    assert new["again"] is False
    scene.desk.answered(again["txid"])
    scene.desk.answered(new["txid"])
    assert asked.answers == waits.answers == [None]


def test_an_agent_that_does_not_come_back_leaves_nobody_without_an_answer(scene: Scene) -> None:
    scene.agent()
    given = scene.ask("load", text="{}")
    scene.wait(limits.AGENT_AWAY_SECONDS)
    scene.desk.agent_gone()
    unseen = scene.ask("load", text="{}", sender="c2")
    assert scene.desk.due() == scene.now + limits.AGENT_AWAY_SECONDS
    scene.wait(limits.AGENT_AWAY_SECONDS)
    assert given.refusal is not None
    assert "has died; it is not known whether the change was made" in given.refusal[1]
    assert unseen.refusal is not None
    assert unseen.refusal[1].endswith("nothing changed; generation 4 stays in force")
    assert scene.desk.due() is None


def test_an_agent_that_lives_is_waited_for_and_not_for_ever(scene: Scene) -> None:
    agent = scene.agent()
    asked = scene.ask("load", text="{}")
    ((change, _),) = agent.receive()
    end = scene.now + limits.FRONT_ANSWER_SECONDS
    pings = 0
    while asked.refusal is None:
        due = scene.desk.due()
        assert due is not None
        assert scene.now <= due <= end
        scene.wait(due - scene.now)
        said = [fields for fields, _ in received(agent)]
        if {"op": "ping"} in said:
            pings += 1
            scene.desk.agent_lives()
    assert scene.now == end
    assert pings == limits.FRONT_ANSWER_SECONDS // limits.AGENT_PING_SECONDS
    assert "does not answer; it is not known" in asked.refusal[1]
    assert asked.refusal[1].endswith(f"by its txid {change['txid']}")
    assert said == [{"op": "withdraw", "txid": change["txid"]}]


def test_one_that_stands_still_does_not_hang_its_client(scene: Scene) -> None:
    """And what nobody waits for any more is taken back, should it go on."""
    agent = scene.agent()
    first = scene.ask("load", text="{}")
    ((change, _),) = agent.receive()
    scene.wait(limits.AGENT_PING_SECONDS)
    scene.wait(limits.AGENT_STILL_SECONDS - 1)
    second = scene.ask("load", text="{}", sender="c2")
    scene.wait(1)
    assert first.refusal is not None
    assert first.refusal[1].startswith("this rank's agent stands still; it is not known whether")
    assert first.refusal[1].endswith(f"by its txid {change['txid']}")
    assert ({"op": "withdraw", "txid": change["txid"]}, []) in received(agent)
    assert second.refusal is None  # which was asked later
    scene.wait(limits.AGENT_STILL_SECONDS - 1)
    assert second.refusal is not None
    assert scene.desk.due() is None
    third = scene.ask("load", text="{}", sender="c3")
    scene.wait(limits.AGENT_PING_SECONDS)
    scene.desk.agent_lives()
    scene.wait(limits.AGENT_STILL_SECONDS)
    assert third.refusal is None


def received(agent: Channel) -> list[Any]:
    """What has come to an agent, if anything."""
    readable, _, _ = select.select([agent], [], [], 0)
    return agent.receive() if readable else []


def test_who_hangs_up_takes_its_change_back(scene: Scene) -> None:
    agent = scene.agent()
    scene.ask("load", text="{}")
    ((change, _),) = agent.receive()
    scene.ask("disconnect")
    assert agent.receive() == [({"op": "withdraw", "txid": change["txid"]}, [])]
    scene.desk.answered(change["txid"])


def test_at_the_end_all_are_told(scene: Scene) -> None:
    scene.agent()
    given = scene.ask("load", text="{}")
    scene.desk.end()
    assert given.refusal is not None
    assert given.refusal[0] == errno.EAGAIN


def test_there_is_a_limit(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FRONT_CHANGES", 1)
    monkeypatch.setattr(limits, "FRONT_READERS", 1)
    monkeypatch.setattr(limits, "CONFIG_READERS", 1)
    assert scene.ask("load", text="{}").refusal is None
    assert scene.ask("load", text="{}").refusal == (errno.EBUSY, "too many changes wait already")
    assert scene.ask("get", streaming=True).answers
    assert scene.ask("get", streaming=True).refusal is not None
    assert scene.ask("get", sender="c2").answers
