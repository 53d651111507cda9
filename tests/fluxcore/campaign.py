# SPDX-License-Identifier: LGPL-3.0-or-later
"""One change in a real instance, struck at each effect of one agent in turn, and judged."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from protocol.configuration import Configuration
from tests.chaos import ledger_rows, plans
from tests.chaos.campaign import Tally, struck, wait_stopped
from tests.chaos.plans import Plan
from tests.fluxcore.instance import Instance
from tests.fluxcore.verdicts import Ended, Evidence, number_in, violations
from tests.support.patience import until

MOST = 1000
"""Rank 2's module refuses more; those of the other ranks accept anything."""
LINGER = 0.3


class Command:
    """`flux config load` at work."""

    def __init__(self, instance: Instance, number: int, rank: int) -> None:
        file = instance.root / f"asked-{number}.json"
        file.write_text(json.dumps({"voter": {"n": number}}))
        self._process = instance.popen("config", "load", str(file), rank=rank)

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.communicate()

    def wait(self, seconds: float) -> Ended:
        """How it ends."""
        try:
            out, err = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return Ended(None, "")
        return Ended(self._process.returncode, out + err)


class Campaign:
    """Three brokers with agents that carry out plans, and a module on each that remembers."""

    def __init__(self, instance: Instance, betrayal: str = "none") -> None:
        self.instance = instance
        self._betrayal = betrayal
        self._number = 0
        self.asked = 0
        self.last = Ended(None, "")
        self._by_digest = {Configuration.of({}).digest: 0}
        for rank in range(3):
            instance.load_module("voter", f"max={MOST if rank == 2 else 10**9}", rank=rank)
        for rank in range(3):
            agent = (sys.executable, "-m", "tests.fluxcore.crash_agent", str(self.plan(rank)))
            instance.start_front(rank, *agent, betrayal)
        until(lambda: all(map(instance.is_served, range(3))), "all ranks are served")
        parent = instance.handle(0).attribute("statedir") or instance.handle(0).attribute("rundir")
        self._ledger = Path(parent or "", "accord")
        self.ask()

    def plan(self, rank: int) -> Path:
        """Where that rank's agent finds its plan."""
        return self.instance.root / f"plan-{rank}"

    def next_number(self, refused: bool = False) -> int:
        """One that was not asked for before."""
        self._number += 1
        number = self._number + (10 * MOST if refused else 0)
        self._by_digest[Configuration.of({"voter": {"n": number}}).digest] = number
        return number

    @property
    def in_force(self) -> int | None:
        """What rank 0 tells."""
        return self._told(0)

    def ask(self) -> None:
        """A change that must go well, so that the next one has something to go back to."""
        done = self.instance.load({"voter": {"n": self.next_number()}})
        assert done.status == 0, f"{done}\n{self.instance.log_text()[-3000:]}"

    def strike(self, plan: Plan, tally: Tally, rank: int, asked_on: int, refused: bool) -> bool:
        """Strike the agent of `rank` in a change that is asked for on `asked_on`, and judge.

        False: the change has no such point.
        """
        before = number_in(self.instance.config(0))
        assert before is not None
        asked = self.asked = self.next_number(refused)
        agent = self.instance.agent_pid(rank)
        plans.place(self.plan(rank), plan)
        command = Command(self.instance, asked, asked_on)
        where = struck(self.plan(rank), command, LINGER)
        if where and plan.signal_number == signal.SIGSTOP:
            wait_stopped(agent)
            self.others_answer(rank)
            os.kill(agent, signal.SIGCONT)
        ended = self.last = command.wait(30)
        if where and plan.signal_number == signal.SIGKILL:
            until(lambda: self.instance.served_anew(rank, agent), "the agent is back")
        tally.found(where, self.judge(before, asked, refused, ended)) if where else None
        return bool(where)

    def settle(self) -> None:
        """Wait until no change is under way: nobody waits for its answer."""
        self.instance.accord("config", "set", "--dry-run", "--type=integer", "voter.n", "1")

    def others_answer(self, rank: int) -> None:
        """While an agent stands still, `config.get` is answered, on its rank too."""
        assert None not in [self._told(each) for each in range(3)], f"rank {rank} stands still"

    def judge(self, before: int, asked: int, refused: bool, ended: Ended) -> list[str]:
        """What is broken, when it has had time to come to rest."""
        end = time.monotonic() + 30
        while True:
            found = violations(self._evidence(before, asked, refused, ended))
            if not found or time.monotonic() > end or self._betrayal != "none":
                return [f"{text} ({ended})" for text in found]
            time.sleep(0.05)

    def _evidence(self, before: int, asked: int, refused: bool, ended: Ended) -> Evidence:
        instance = self.instance
        told = [self._told(rank) for rank in range(3)]
        committed = [self._by_digest[row.digest] for row in ledger_rows.read(self._ledger)]
        ran = [[number or 0 for number in instance.told("voter", rank)["ran"]] for rank in range(3)]
        alive = [instance.broker_lives(rank) for rank in range(3)]
        return Evidence(before, asked, refused, ended, told, committed, ran, alive)

    def _told(self, rank: int) -> int | None:
        try:
            return number_in(self.instance.config(rank))
        except OSError:
            return None
