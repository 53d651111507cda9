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
from tests.chaos.broker import BRISK, ChaosBroker
from tests.chaos.campaign import Asking, Library, Tally, struck, wait_stopped
from tests.chaos.plans import Plan
from tests.chaos.test_malformed import SEED, throw
from tests.support.outcome import expect, told
from tests.support.patience import FAR, PATIENCE, until

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "200"))
MODULES, GUESTS = ("m", "n"), ("y",)
EVERYBODY = (*MODULES, *GUESTS)
LETHAL = ("exit", "kill", "fork", "raise", "raise-base")
SURVIVED = {("raise", "prepare"), ("raise-base", "prepare")}
ANY = ("committed", "partial", "refused")
"""What a change may come to that somebody dies in."""
QUICK = tuple(kind for kind in faults.KINDS if kind not in ("hang", "giant", "close"))


class Round:
    """One broker through all rounds, and the moves that may be made in it."""

    def __init__(self, broker: ChaosBroker, seed: int) -> None:
        self.broker = broker
        self.chance = random.Random(seed)
        self.tally = Tally("random")
        self.texts = Library(broker)
        self.moves: list[Callable[[], None]] = [
            self.change, self.refusal, self.dry_run, self.same_files, self.module_fault,
            self.module_struck, self.broker_struck, self.broker_paused, self.hang, self.withdrawn,
            self.noise, self.come_and_go, self.broker_stopped,
        ]  # fmt: skip

    def propose(
        self, do: dict[str, str] | None = None, dry_run: bool = False, timeout: float = PATIENCE
    ) -> Asking:
        """A new candidate is proposed, in which modules do these deeds."""
        self.broker.write(**(do or {}))
        self.texts.keep()
        return Asking(self.broker, self.tally, "reload", timeout=timeout, dry_run=dry_run)

    def settle(self) -> None:
        """Everybody is there again."""
        for name in EVERYBODY:
            self.broker.wait_for(name, "running")

    # Moves

    def change(self) -> None:
        expect(self.propose().wait(), "committed")

    def refusal(self) -> None:
        against = self.chance.sample(EVERYBODY, self.chance.randint(1, len(EVERYBODY)))
        outcome = expect(self.propose(dict.fromkeys(against, "refuse")).wait(), "refused")
        assert {reason["module"] for reason in outcome["reasons"]} == set(against), told(outcome)

    def dry_run(self) -> None:
        refused = self.chance.random() < 0.5
        outcome = self.propose({"n": "refuse"} if refused else {}, dry_run=True).wait()
        expect(outcome, "refused" if refused else "valid")

    def same_files(self) -> None:
        self.texts.restore()
        expect(self.broker.reload(), "unchanged")

    def module_fault(self) -> None:
        kind, point = self.chance.choice(QUICK), self.chance.choice(faults.POINTS)
        name = self.chance.choice(MODULES)
        pid, deeds = self.broker.pid(name), self.deeds(name)
        outcome = expect(self.propose({name: f"{kind}@{point}"}).wait(), *ANY)
        # The answer may come before the deed, which is done all the same once its point is reached.
        if outcome["result"] != "refused" or point not in ("commit", "committed"):
            until(lambda: self.deeds(name) > deeds, f"{name} does {kind}@{point}; {told(outcome)}")
            if kind in LETHAL and (kind, point) not in SURVIVED:
                self.wait_for_another(name, pid)

    def module_struck(self) -> None:
        name = self.chance.choice(MODULES)
        pid = self.broker.pid(name)
        plans.place(self.broker.plans / name, self.plan(6))
        asking = self.propose()
        where = struck(self.broker.plans / name, asking, linger=0.15)
        expect(asking.wait(), *ANY)
        if where:
            self.wait_for_another(name, pid)

    def broker_struck(self) -> None:
        plans.place(self.broker.plans / "broker", self.plan(12))
        asking = self.propose({"m": "refuse"} if self.chance.random() < 0.3 else {})
        if struck(self.broker.plans / "broker", asking, linger=0.15):
            assert self.broker.wait_dead() == -signal.SIGKILL
            asking.wait()
            self.restart()
        asking.wait()

    def broker_stopped(self) -> None:
        asking = self.propose()
        status = self.broker.end(
            self.chance.choice((signal.SIGTERM, signal.SIGHUP, signal.SIGKILL))
        )
        assert status in (0, -signal.SIGKILL)
        asking.wait()
        self.restart()

    def broker_paused(self) -> None:
        assert self.broker.process is not None
        plans.place(self.broker.plans / "broker", self.plan(12, signal.SIGSTOP))
        asking = self.propose()
        if struck(self.broker.plans / "broker", asking, linger=0.15):
            wait_stopped(self.broker.process.pid)
            os.kill(self.broker.process.pid, signal.SIGCONT)
        expect(asking.wait(), "committed")

    def hang(self) -> None:
        name = self.chance.choice(MODULES)
        expect(self.propose({name: "hang"}, timeout=0.3).wait(), "refused")
        self.broker.kill_module(name)

    def withdrawn(self) -> None:
        name = self.chance.choice(MODULES)
        self.broker.write(**{name: "hang"})
        client = self.broker.begin("config", "reload", "--timeout", FAR)
        until(lambda: "transaction" in self.broker.ask("status") or client.poll() is not None)
        client.send_signal(self.chance.choice((signal.SIGKILL, signal.SIGINT)))
        client.communicate(timeout=PATIENCE)
        until(lambda: "transaction" not in self.broker.ask("status"))
        self.broker.kill_module(name)

    def noise(self) -> None:
        throw(self.broker, list(malformed.frames(self.chance, 20)))

    def come_and_go(self) -> None:
        self.broker.has_loaded("visitor")
        expect(self.broker.remove_module("visitor"), "removed")

    # Means

    def deeds(self, name: str) -> int:
        """How often a module has done something wrong."""
        return sum(record.what == "struck" for record in self.broker.diary_of(name))

    def wait_for_another(self, name: str, pid: int) -> None:
        """Wait until the death of this process of a module has been noticed."""
        until(lambda: self.broker.members()[name]["pid"] != pid, f"the death of {name} is noticed")

    def plan(self, most: int, number: signal.Signals = signal.SIGKILL) -> Plan:
        """A strike at one of the first effects."""
        when = self.chance.choice(("before", "after"))
        return Plan(when, self.chance.randint(1, most), signal_number=int(number))

    def restart(self) -> None:
        """Another life of the broker, on the files of what was decided last."""
        self.texts.restore()
        self.broker.start(*BRISK, modules=MODULES)


@pytest.mark.timeout(1800)
def test_random_campaign(broker: ChaosBroker) -> None:
    print(f"seed {SEED}, {ROUNDS} rounds")
    broker.start(*BRISK, modules=MODULES)
    made: Counter[str] = Counter()
    with ExitStack() as stack:
        stack.enter_context(broker.attached(*GUESTS))
        play = Round(broker, SEED)
        for number in range(ROUNDS):
            move = play.chance.choice(play.moves)
            where = f"CHAOS_SEED={SEED} CHAOS_ROUNDS={number + 1}, the last: {move.__name__}"
            made[move.__name__] += 1
            try:
                move()
                play.settle()
            except AssertionError as error:
                raise AssertionError(f"{where}: {error}") from error
            assert broker.judge_at_rest(*play.tally.answers) == [], where
    print(f"seed {SEED}: {ROUNDS} rounds, {len(broker.rows())} generations, no violation; {made}")
