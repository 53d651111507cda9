# SPDX-License-Identifier: LGPL-3.0-or-later
"""One scenario, struck before and after each of its effects in turn, and judged each time."""

import signal
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from cli.client import Trouble
from protocol.configuration import Configuration
from tests.chaos import plans
from tests.chaos.broker import ChaosBroker
from tests.chaos.plans import Plan
from tests.chaos.verdicts import Answered
from tests.support.patience import PATIENCE, until

LINGER = 1.0
"""How long after its answer a request may still have effects, in seconds; more where the request
itself took longer, as on a busy machine."""


@dataclass(slots=True)
class Tally:
    """What a campaign has done and found."""

    title: str
    struck: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)

    def found(self, where: str, violations: list[str]) -> None:
        """Keep what the judges said about a strike."""
        self.struck.append(where)
        self.violations += [f"{self.title}, {where}: {violation}" for violation in violations]

    def __str__(self) -> str:
        distinct = len(set(self.struck))
        return (f"{self.title}: struck {len(self.struck)} times at {distinct} kinds of point, "
                f"{len(self.violations)} violations")  # fmt: skip


def points(number: signal.Signals) -> Iterator[Plan]:
    """Before and after the first effect, before and after the second, and so on."""
    for k in count(1):
        yield Plan("before", k, signal_number=int(number))
        yield Plan("after", k, signal_number=int(number))


class Asking:
    """A request under way in a thread of its own; its client may be left without an answer."""

    def __init__(self, broker: ChaosBroker, tally: Tally, op: str, **fields: Any) -> None:
        self._broker, self._tally = broker, tally
        self._digest = digest_of_files(broker)
        self.outcome: dict[str, Any] | None = None
        self._thread = threading.Thread(target=self._ask, args=(op, fields))
        self._thread.start()

    def _ask(self, op: str, fields: dict[str, Any]) -> None:
        try:
            self.outcome = self._broker.ask(op, 4 * PATIENCE, **{"timeout": PATIENCE, **fields})
        except Trouble:
            return
        if op == "reload":
            self._tally.answers.append(Answered(self.outcome, self._digest))

    @property
    def over(self) -> bool:
        """Whether there is an answer, or the certainty that there will be none."""
        return not self._thread.is_alive()

    def wait(self) -> dict[str, Any] | None:
        """The outcome, or None where the broker died over it."""
        self._thread.join(5 * PATIENCE)
        assert self.over
        return self.outcome


class UnderWay(Protocol):
    """What a strike is waited for in."""

    @property
    def over(self) -> bool:
        """Whether it has come to its end."""


def struck(path: Path, asking: UnderWay, linger: float = LINGER) -> str:
    """Wait for the strike, or for the end of the request without one; where it struck.

    A plan that has not struck then is withdrawn, or it would strike in whatever comes next.  Too
    late for that is a strike, too: the process says so before it dies, however long that takes.
    """
    began = time.monotonic()
    until(lambda: asking.over or plans.carried_out(path), "a strike or an answer", 3 * PATIENCE)
    now = time.monotonic()
    end = now + max(linger, min(now - began, PATIENCE / 4))
    while not plans.carried_out(path) and time.monotonic() < end:
        time.sleep(0.005)
    if not plans.carried_out(path) and plans.withdraw(path):
        return ""
    where: str = until(lambda: plans.carried_out(path), "the mark of a strike")
    return where


class Opening:
    """The start of a broker, over when it lets clients in."""

    def __init__(self, broker: ChaosBroker) -> None:
        self._broker = broker

    @property
    def over(self) -> bool:
        """Whether a client is answered; a broker that stands still does not hold us up."""
        return self._broker.opened(0.3)


def digest_of_files(broker: ChaosBroker) -> str:
    """The digest of the configuration in the files."""
    text = (broker.files / "voter.toml").read_text()
    return Configuration.of(tomllib.loads(text)).digest


class Library:
    """The texts of all configurations that were proposed, to put back what is in force."""

    def __init__(self, broker: ChaosBroker) -> None:
        self._broker = broker
        self._texts: dict[str, str] = {}
        self.keep()

    def keep(self) -> None:
        """Remember the files as they are."""
        text = (self._broker.files / "voter.toml").read_text()
        self._texts[digest_of_files(self._broker)] = text

    def restore(self) -> None:
        """Let the files be those of the last decision in the ledger."""
        self._broker.write_text(self._texts[self._broker.rows()[-1].digest])


def state_of(pid: int) -> str:
    """The state of a process: R, S, T … (proc(5))."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def wait_stopped(pid: int) -> None:
    """Wait until a process is stopped by a signal."""
    until(lambda: state_of(pid) == "T", f"process {pid} is stopped")


Scenario = Callable[[ChaosBroker, Tally], Asking]


def proposing(*, dry_run: bool = False, **do: str) -> Scenario:
    """A reload of a new candidate, in which modules do these deeds."""

    def ask(broker: ChaosBroker, tally: Tally) -> Asking:
        broker.write(**do)
        return Asking(broker, tally, "reload", dry_run=dry_run)

    return ask
