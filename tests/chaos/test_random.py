# SPDX-License-Identifier: LGPL-3.0-or-later
"""A random campaign: whatever can go wrong does, in an order that a seed tells and repeats.

`CHAOS_SEED=N CHAOS_ROUNDS=M` replays or lengthens it.
"""

import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.chaos import faults, malformed, plans
from tests.chaos.attached_participant import AttachedParticipant
from tests.chaos.campaign import Asking, Library, Tally, struck, wait_stopped
from tests.chaos.house import House, until
from tests.chaos.plans import Plan
from tests.chaos.test_crash_points import BRISK
from tests.chaos.test_malformed import SEED, throw

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "200"))
MODULES, GUESTS = ("m", "n"), ("y",)
EVERYBODY = (*MODULES, *GUESTS)
LETHAL = ("exit", "kill", "fork", "raise", "raise-base")
SURVIVED = {("raise", "prepare"), ("raise-base", "prepare")}
QUICK = tuple(kind for kind in faults.KINDS if kind not in ("hang", "giant", "close"))


class Round:
    """One house through all rounds, and the moves that may be made in it."""

    def __init__(self, house: House, seed: int) -> None:
        self.house = house
        self.chance = random.Random(seed)
        self.tally = Tally("random")
        self.texts = Library(house)
        self.moves: list[Callable[[], None]] = [
            self.change, self.refusal, self.dry_run, self.same_files, self.module_fault,
            self.module_struck, self.broker_struck, self.broker_paused, self.hang, self.withdrawn,
            self.noise, self.come_and_go, self.broker_stopped,
        ]  # fmt: skip

    def propose(
        self, do: dict[str, str] | None = None, dry_run: bool = False, timeout: float = 30.0
    ) -> Asking:
        """A new candidate is proposed, in which modules do these deeds."""
        self.house.write(**(do or {}))
        self.texts.keep()
        return Asking(self.house, self.tally, "reload", timeout=timeout, dry_run=dry_run)

    def settle(self) -> None:
        """Everybody is there again."""
        for name in EVERYBODY:
            self.house.wait_for(name, "running")

    # Moves

    def change(self) -> None:
        outcome = self.propose().wait()
        assert outcome is not None
        assert outcome["result"] == "committed"

    def refusal(self) -> None:
        against = self.chance.sample(EVERYBODY, self.chance.randint(1, len(EVERYBODY)))
        outcome = self.propose(dict.fromkeys(against, "refuse")).wait()
        assert outcome is not None
        assert {reason["module"] for reason in outcome["reasons"]} == set(against)

    def dry_run(self) -> None:
        refused = self.chance.random() < 0.5
        outcome = self.propose({"n": "refuse"} if refused else {}, dry_run=True).wait()
        assert outcome is not None
        assert outcome["result"] == ("refused" if refused else "valid")

    def same_files(self) -> None:
        self.texts.restore()
        assert self.house.reload()["result"] == "unchanged"

    def module_fault(self) -> None:
        kind, point = self.chance.choice(QUICK), self.chance.choice(faults.POINTS)
        name = self.chance.choice(MODULES)
        pid, deeds = self.house.pid(name), self.deeds(name)
        assert self.propose({name: f"{kind}@{point}"}).wait() is not None
        lethal = kind in LETHAL and (kind, point) not in SURVIVED
        if lethal and self.deeds(name) > deeds:
            until(lambda: self.house.members()[name]["pid"] != pid, what="the death is noticed")

    def module_struck(self) -> None:
        name = self.chance.choice(MODULES)
        pid = self.house.pid(name)
        plans.place(self.house.plans / name, self.plan(6))
        asking = self.propose()
        where = struck(self.house.plans / name, asking)
        assert asking.wait() is not None
        if where:
            until(lambda: self.house.members()[name]["pid"] != pid, what="the death is noticed")

    def broker_struck(self) -> None:
        plans.place(self.house.plans / "broker", self.plan(12))
        asking = self.propose({"m": "refuse"} if self.chance.random() < 0.3 else {})
        if struck(self.house.plans / "broker", asking):
            assert self.house.wait_dead() == -signal.SIGKILL
            asking.wait()
            self.restart()
        asking.wait()

    def broker_stopped(self) -> None:
        asking = self.propose()
        status = self.house.end(self.chance.choice((signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)))
        assert status in (0, -signal.SIGKILL)
        asking.wait()
        self.restart()

    def broker_paused(self) -> None:
        assert self.house.broker is not None
        plans.place(self.house.plans / "broker", self.plan(12, signal.SIGSTOP))
        asking = self.propose()
        if struck(self.house.plans / "broker", asking):
            wait_stopped(self.house.broker.pid)
            os.kill(self.house.broker.pid, signal.SIGCONT)
        assert asking.wait() is not None

    def hang(self) -> None:
        name = self.chance.choice(MODULES)
        outcome = self.propose({name: "hang"}, timeout=0.3).wait()
        assert outcome is not None
        assert outcome["result"] == "refused"
        self.house.kill_module(name)

    def withdrawn(self) -> None:
        name = self.chance.choice(MODULES)
        self.house.write(**{name: "hang"})
        client = self.house.begin("config", "reload")
        until(lambda: "transaction" in self.house.ask("status") or client.poll() is not None)
        client.send_signal(self.chance.choice((signal.SIGKILL, signal.SIGINT)))
        client.communicate(timeout=30)
        until(lambda: "transaction" not in self.house.ask("status"))
        self.house.kill_module(name)

    def noise(self) -> None:
        throw(self.house, list(malformed.frames(self.chance, 20)))

    def come_and_go(self) -> None:
        if self.house.load_module("visitor")["result"] == "loaded":
            self.house.remove_module("visitor")

    # Means

    def deeds(self, name: str) -> int:
        """How often a module has done something wrong."""
        return sum(one.what == "struck" for one in self.house.diary_of(name))

    def plan(self, most: int, number: signal.Signals = signal.SIGKILL) -> Plan:
        """A strike at one of the first effects."""
        when = self.chance.choice(("before", "after"))
        return Plan(when, self.chance.randint(1, most), signal_number=int(number))

    def restart(self) -> None:
        """Another life of the broker, on the files of what was decided last."""
        self.texts.restore()
        self.house.start(*BRISK, modules=MODULES)


@pytest.mark.timeout(600)
def test_random_campaign(house: House) -> None:
    print(f"seed {SEED}, {ROUNDS} rounds")
    house.start(*BRISK, modules=MODULES)
    made: Counter[str] = Counter()
    with ExitStack() as stack:
        stack.enter_context(
            house.attached(*GUESTS, make=lambda name: AttachedParticipant(name, house.diary))
        )
        play = Round(house, SEED)
        for number in range(ROUNDS):
            move = play.chance.choice(play.moves)
            where = f"seed {SEED}, round {number}, {move.__name__}"
            made[move.__name__] += 1
            try:
                move()
                play.settle()
            except AssertionError as error:
                raise AssertionError(f"{where}: {error}") from error
            assert house.judge_at_rest(*play.tally.answers) == [], where
    print(f"seed {SEED}: {ROUNDS} rounds, {len(house.rows())} generations, no violation; {made}")
