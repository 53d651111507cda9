# SPDX-License-Identifier: LGPL-3.0-or-later
"""Site rules that are commands: each judges the candidate, which it finds on stdin as JSON.

Exit status 0 is a yes.  Anything else is a no, and the lines of stderr are the reasons.  Who judges
a candidate that changes the checks themselves: those that it brings, and also those that it drops
or alters, so that a rule cannot be lifted by what it would refuse.  With two exceptions, or one
could not leave a check that is broken: a candidate that changes nothing but `checks`, and one that
was in force before (the way back is open), are judged by their own checks alone.
"""

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from participant.checks.command import find_program, words_of
from participant.checks.panel import CheckQuestion, Panel
from participant.checks.run import Run
from participant.module import Module, Reject, Rejects, StagedSettings
from participant.modules.tables.base import LaxTable, StrictTable
from participant.settings.field import Field
from participant.settings.layers import Merged
from participant.settings.types import FSD, MORE_THAN_ZERO, Rule, at_most
from protocol import limits
from protocol.configuration import EMPTY, Configuration
from protocol.reasons import Refusal

_FORMER = 16
"""Configurations of which is remembered that they were in force."""

Command = Annotated[
    tuple[str, ...],
    PlainValidator(words_of),
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
]


_NAME = re.compile(r"^[A-Za-z0-9_.-]{1,64}$")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("must be 1 to 64 letters, digits, dots, dashes and underscores")
    return text


class Check(StrictTable):
    """One of `[[checks]]`."""

    name: Annotated[str, Rule(_name, {"pattern": _NAME.pattern})] = Field(
        description="what it is called in reasons"
    )
    command: Command = Field(
        description="a program by its path, or by its name in the usual directories, and its "
        "arguments; as an array, or as one string that is split as a shell would; there is no shell"
    )
    timeout: Annotated[FSD, MORE_THAN_ZERO, at_most(int(limits.CHECK_LONGEST_SECONDS))] = Field(
        "5s", description="after this it is killed, which is a no; at most 60s"
    )
    tables: list[str] = Field(
        default_factory=list,
        description="the tables that it judges: it sees only these, and is asked only where one of "
        "them changes; default: all",
    )


class Checks(Module):
    """Asks commands of the site's own whether they have anything against a configuration."""

    name = "checks"
    tables = ("checks",)

    class Config(LaxTable):
        """The tables of this module."""

        checks: list[Check] = Field(
            default_factory=list, description="commands that judge a configuration"
        )

    config: Config | None

    def __init__(self, arguments: Mapping[str, str] | None = None) -> None:
        super().__init__(arguments)
        self._candidate: Configuration = EMPTY
        self._former: deque[str] = deque(maxlen=_FORMER)
        self._left: list[Run] = []
        self._panel: Panel | None = None
        self._adopts = False
        self._asked: dict[str, int] = {}

    def weigh(self, candidate: Configuration, merged: Merged) -> StagedSettings | Refusal:
        """The candidate as it is, too: that is what the checks are given."""
        self._candidate = candidate
        return super().weigh(candidate, merged)

    def prepare(self, new: Config, config: Mapping[str, Any]) -> Panel | None:
        """Refuse what cannot be asked; ask the others, and answer later."""
        if self._adopts:
            return None
        self._left = self._left_behind()
        rejects = [*_faults(new.checks)]
        questions = []
        for check in self._judges(new, config):
            try:
                questions.append(self._question(check, new))
            except Reject as reject:
                rejects.append(reject)
        if rejects:
            raise Rejects(rejects)
        if not questions:
            return None
        for question in questions:
            self._asked[question.name] = self._asked.get(question.name, 0) + 1
        allowed = self.seconds_allowed
        seconds = limits.CHECK_LONGEST_SECONDS if allowed is None else allowed * limits.CHECK_SHARE
        self._panel = Panel(questions, config, seconds)
        return self._panel

    def commit(self, staged: None) -> None:  # noqa: ARG002
        """Remember what is in force: going back to it will not be hindered."""
        if self.configuration.digest not in self._former:
            self._former.append(self.configuration.digest)

    def adopt(self, configuration: Configuration) -> None:
        """This is in force, decided where nobody asked here; checks that are none are left out."""
        self._adopts = True
        try:
            staged = self.judge(configuration)
            if isinstance(staged, StagedSettings):
                self.take(staged)
        finally:
            self._adopts = False

    def stats(self) -> dict[str, Any]:
        """How often each check was asked, and what was killed and has not gone."""
        return {
            "asked": dict(self._asked),
            "left-behind": [{"name": run.name, "pid": run.pid} for run in self._left_behind()],
        }

    # Who is asked

    def _judges(self, new: Config, config: Mapping[str, Any]) -> Iterator[Check]:
        if self.starting or self.config is None:
            yield from new.checks
            return
        before = self.config.checks
        changed = {
            table
            for table in {*config, *self.whole}
            if (table in config, config.get(table)) != (table in self.whole, self.whole.get(table))
        }
        for check in new.checks:
            if check not in before or _concerns(check, changed):
                yield check
        if changed <= {"checks"} or self._candidate.digest in self._former:
            return
        kept = {(check.command, tuple(check.tables)) for check in new.checks}
        for check in before:
            if (check.command, tuple(check.tables)) not in kept and _concerns(check, changed):
                yield check

    def _question(self, check: Check, new: Config) -> CheckQuestion:
        """Raises Reject where it cannot be asked."""
        key = ("checks", new.checks.index(check), "command") if check in new.checks else ()
        hanging = next((run for run in self._left if run.words == check.command), None)
        if hanging is not None:
            raise Reject(
                f"{check.name}: its last run (process {hanging.pid}) is not gone, "
                "so it is not asked again",
                key,
            )
        try:
            program = find_program(check.command[0])
        except LookupError as error:
            raise Reject(f"{check.name}: {error}", key) from None
        tree = self._candidate.plain()
        if check.tables:
            tree = {name: tree[name] for name in check.tables if name in tree}
        text = json.dumps(tree, ensure_ascii=False).encode(errors="surrogateescape")
        return CheckQuestion(check.name, program, check.command, check.timeout, text + b"\n")

    def _left_behind(self) -> list[Run]:
        runs = [*self._left, *(self._panel.left_behind if self._panel else ())]
        return list({run.pid: run for run in runs if not run.is_gone()}.values())


def _concerns(check: Check, changed: set[str]) -> bool:
    return not check.tables or not changed.isdisjoint(check.tables)


def _faults(checks: Iterable[Check]) -> Iterator[Reject]:
    """What is wrong with them together."""
    names: set[str] = set()
    for number, check in enumerate(checks):
        if check.name in names:
            yield Reject(f"another check is called {check.name}", ("checks", number, "name"))
        names.add(check.name)
        if number == limits.CHECKS:
            yield Reject(f"more than {limits.CHECKS} checks are not asked", ("checks",))
