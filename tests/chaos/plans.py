# SPDX-License-Identifier: LGPL-3.0-or-later
"""When a process is to be struck: before or after its k-th effect from now on, and by what signal.

A plan is a file.  It counts from the first effect that is carried out after the file was written,
so one process can be given one plan after another.  Who carries a plan out takes the file away
first, and who withdraws it does, too: one of them has it, and a restarted process is not struck
again.  What was carried out leaves a mark beside the plan's place.
"""

import json
import os
import signal
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from coordinator.core.effects import WriteLog
from participant.core.effects import Tell


@dataclass(frozen=True, slots=True)
class Plan:
    """Strike `when` ("before" or "after") effect `number` (from 1) by `signal_number`.

    With a `title`, only effects with this title are counted.
    """

    when: str
    number: int = 1
    title: str = ""
    signal_number: int = int(signal.SIGKILL)


def place(path: Path, plan: Plan) -> None:
    """Put a plan where a process will find it; what is left of a former one goes."""
    withdraw(path)
    _mark(path).unlink(missing_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(asdict(plan)))
    draft.rename(path)


def withdraw(path: Path) -> bool:
    """Take a plan back; False: there is none, or it is too late and a mark of it will come."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def carried_out(path: Path) -> str:
    """At which effect the plan struck ("before TellCommit"); empty where it has not."""
    mark = _mark(path)
    return mark.read_text().partition("\n")[0] if mark.exists() else ""


def who_carried_out(path: Path) -> int:
    """The process that the plan struck."""
    return int(_mark(path).read_text().partition("\n")[2])


class Striker:
    """The hook: counts effects and carries out plans."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_from = 0
        self._plan: Plan | None = None
        self._numbers: dict[int, int] = {}
        self._count = 0

    def __call__(self, when: str, effect: object) -> None:
        self._look_for_plan()
        if self._plan is None or self._plan.title not in ("", _title(effect)):
            return
        if when == "before":
            self._count += 1
            self._numbers[id(effect)] = self._count
        if (when, self._numbers.get(id(effect))) == (self._plan.when, self._plan.number):
            self._strike(f"{when} {_title(effect)}", self._plan.signal_number)

    def _look_for_plan(self) -> None:
        try:
            written = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            self._plan, self._read_from = None, 0
            return
        if written == self._read_from:
            return
        self._read_from = written
        self._count = 0
        self._numbers.clear()
        self._plan = None
        with suppress(FileNotFoundError):  # withdrawn at this moment
            self._plan = Plan(**json.loads(self._path.read_text()))

    def _strike(self, where: str, number: int) -> None:
        self._plan = None
        draft = self._path.with_suffix(".mark")
        try:
            self._path.rename(draft)
        except FileNotFoundError:
            return  # withdrawn, or taken by a second process under this plan, as in a reload
        draft.write_text(f"{where}\n{os.getpid()}")
        draft.rename(_mark(self._path))
        os.kill(os.getpid(), number)


def _mark(path: Path) -> Path:
    return path.with_suffix(".done")


def _title(effect: object) -> str:
    if isinstance(effect, WriteLog):
        return f"Note {effect.event}"
    if isinstance(effect, Tell):
        return f"Tell {type(effect.message).__name__}"
    return type(effect).__name__
