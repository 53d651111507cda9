# SPDX-License-Identifier: LGPL-3.0-or-later
"""What an author of a module writes: a class with a table, its settings, and three verbs.

`prepare` looks at a candidate and may refuse it; `commit` takes it into use and must not fail;
`abort` throws away what `prepare` built.  Between a yes and the decision the module goes on with
its old configuration.  A module that implements none of the three takes part by default: its
settings are checked against `Config` and replaced at commit.
"""

import inspect
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar, Final, NamedTuple

from pydantic import BaseModel

from participant.later import Later
from participant.settings.effective import has_restart, keep_restart_values, report
from participant.settings.layers import Merged, Tables, from_environment, merge_layers
from participant.settings.model import Settings, read_table
from participant.settings.parameters import parameters
from participant.settings.schema import Schema, schema_of
from participant.settings.secrets import secret_paths, texts_of, uncovered
from participant.stale import Stale
from participant.unheard import heard, listening, made, never_raised, not_an_answer, run_verb
from protocol.configuration import EMPTY, Configuration
from protocol.frozen import LazyTable
from protocol.keys import Path, parse_key
from protocol.messages import LOAD_ARGUMENT, Arguments
from protocol.reason_code import ReasonCode
from protocol.reasons import Origin, Reason, Refusal
from protocol.secrets import Patterns, scrubbed
from protocol.traffic import Counts, nothing_yet

_PLAIN = (str, int, float)
_NO_MESSAGE = "refused without a word why"
_NO_REASONS = "prepare raised Rejects without a single Reject in it"

AT_A_START: Final = "would be refused at the next start"


class Reject(Exception):
    """Raised by `prepare`: this candidate must not be committed.

    `key` is dotted and relative to the module's table (a tuple where a part has dots of its own);
    `table` names another table where the objection is about that one.  A no is a no however it is
    worded: where `message` is nothing, or `key` no key, the text says so.
    """

    code: ClassVar[ReasonCode] = ReasonCode.INVALID
    """What kind of objection it is, for programs."""

    def __init__(self, message: str, key: str | Path = (), table: str | None = None) -> None:
        path, odd = _path(key)
        said = str(message) if message is not None and str(message).strip() else _NO_MESSAGE
        self.message = f"{said} ({odd})" if odd else said
        self.key: Path = path
        self.table = table if isinstance(table, str) else None
        super().__init__(self.message)
        made(self)

    def reason(self, module: str, own_table: str | None) -> Reason:
        """This objection as it travels to the coordinator."""
        table = self.table if self.table is not None else own_table
        key = (table, *self.key) if table else self.key
        return Reason(module, self.message, key=key, code=self.code)


def _path(key: object) -> tuple[Path, str]:
    """The path that an author's `key` stands for, and what is wrong with it, where it has none."""
    if not key:
        return (), ""
    if isinstance(key, str):
        try:
            return parse_key(key), ""
        except ValueError:
            pass
    elif isinstance(key, tuple | list) and all(isinstance(step, str | int) for step in key):
        return tuple(key), ""
    return (), f"about {key!r}, which is no key and was left out"


class Rejects(Exception):
    """Several objections at once: collect `Reject`s in a list and raise them together."""

    def __init__(self, rejects: Iterable[Reject]) -> None:
        self.rejects = tuple(rejects)
        super().__init__("; ".join(reject.message for reject in self.rejects))
        made(self, of=self.rejects)


@dataclass(slots=True, eq=False)
class Timer:
    """A function that the module asked to have called every `seconds`."""

    seconds: float
    call: Callable[[], object]
    cancelled: bool = False

    def cancel(self) -> None:
        """Have it called no more."""
        self.cancelled = True


class StagedSettings(NamedTuple):
    """A candidate that passed, and all that is needed to take it into use."""

    configuration: Configuration
    merged: Merged
    settings: Any
    built: Any


class Undecided(NamedTuple):
    """A candidate that passed so far; `later` has the rest, for `Module.end_judging`."""

    staged: StagedSettings
    later: Later


def _is_plain(settings: Any) -> bool:
    """Whether nobody can have changed a value in it, as an author could a list."""
    values = settings.__dict__.values() if isinstance(settings, BaseModel) else (settings,)
    for value in values:  # noqa: SIM110 - a loop here is one function less to enter
        if value is not None and not isinstance(value, _PLAIN):
            return False
    return True


def _as_typed(arguments: Arguments) -> dict[str, str]:
    """The load arguments among them."""
    return {
        argument.key: argument.value for argument in arguments if argument.origin == LOAD_ARGUMENT
    }


class Module:
    """Base class of all modules.

    Class attributes: `table`, the TOML table that `Config` describes; or `tables`, where a module
    owns several, and `Config` has one field for each; `name`, where it is not the table's;
    `version`, for `flux modinfo`.
    Instance attributes, kept by the library: `config`, the settings in force; `whole`, the whole
    configuration, read-only; `arguments`, the load arguments as they were typed.
    """

    name: ClassVar[str] = ""
    version: ClassVar[str] = ""
    start_matters: ClassVar[bool] = False
    """Whether `prepare` judges a start more strictly than a change; then it is asked about both."""
    services: ClassVar[tuple[str, ...]] = ()
    """What it stands for beside its own name, as `flux module list` shows it."""
    table: ClassVar[str | None] = None
    tables: ClassVar[tuple[str, ...]] = ()

    class Config(Settings):
        """A module's settings; override with fields of your own."""

    def __init__(self, arguments: Mapping[str, str] | None = None) -> None:
        self.arguments: Mapping[str, str] = dict(arguments or {})
        self.environment: Arguments = ()
        """What the environment of the process says, read once, when the module is served."""
        self.configuration = EMPTY
        self.merged: Merged | None = None
        self.loaded: Merged | None = None
        """The first that was committed: what keys with `restart` go by."""
        self.config: Any = None
        self._secrets: frozenset[str] = frozenset()
        self._reported: tuple[tuple[bytes, ...], Arguments, str] = ((), (), "")
        self.starting: bool = True
        """True until the first commit: some checks (files that must exist, the host's name) are
        made only when a module starts, as in Flux.  True also while a module with `start_matters`
        is asked what a start would make of a candidate that it has just accepted."""
        self.warnings: tuple[Reason, ...] = ()
        """What the last `judge` had to say without refusing."""
        self.seconds_allowed: float | None = None
        """Seconds that the coordinator waits for the answer to what is judged, where one asks."""
        self._said: dict[Reason, None] | None = None
        self._read: StagedSettings | None = None
        """What was read last and is in force, where the same text would make the same of it."""
        self.timers: list[Timer] = []
        self.served_in: int | None = None
        """The thread in which all is called, where it is not the process's only one."""
        self.traffic: Counts = nothing_yet()
        """Messages from and to the coordinator since the start, or since they were cleared."""

    # What authors override

    def prepare(self, new: Any, config: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """Look at a candidate: `new` is its `Config`, `config` all of it, read-only.

        Return anything that `commit` or `abort` should be given.  Raise Reject or Rejects to
        refuse; call `warn` for what is doubtful only.  The old configuration stays in force,
        whatever happens here, and nothing outside may change: with `start_matters` this is called
        twice, the second time to learn whether a start (`self.starting`) would be refused, and
        what that call returns goes to `abort` at once.
        """
        return None

    def commit(self, staged: Any) -> None:
        """Take the candidate into use; `self.config` is already the new one.  Must not fail."""

    def abort(self, staged: Any) -> None:
        """Release what `prepare` built for a candidate that is not coming."""

    def run(self) -> None:
        """Called once, after the first commit; the place to call `every`.  Must return."""

    def stats(self) -> dict[str, Any]:
        """What `flux module stats` shows: an object of anything JSON can hold.

        At most limits.REPORT_LENGTH characters as JSON.  Secrets in it are masked.  What it raises
        is shown in its place, and harms nothing.  By default the messages that were exchanged with
        the broker, as modules of Flux tell theirs.
        """
        return {**self.traffic}

    def clear_stats(self) -> None:
        """`flux module stats --clear`: set to zero what `stats` counts.

        The count of messages is the library's, and is cleared already.
        """

    # What authors call

    def every(self, seconds: float, call: Callable[[], object]) -> Timer:
        """Have `call()` called every `seconds` in the thread that also calls `prepare`.

        `cancel()` of what it returns ends it.  Raises TypeError for a coroutine function, which
        nobody would await, and RuntimeError in a thread other than that of an attached module.
        """
        if self.served_in not in (None, threading.get_ident()):
            raise RuntimeError("every is for the thread in which prepare is called, as in run()")
        if inspect.iscoroutinefunction(call):
            raise TypeError(
                f"every({seconds:g}, {call!r}): it is `async def`, and nothing awaits it"
            )
        timer = Timer(seconds, call)
        self.timers.append(timer)
        return timer

    def warn(self, message: str, key: str | Path = (), table: str | None = None) -> None:
        """Say, within `prepare`, what whoever makes the change should know; it does not refuse.

        `key` and `table` as in Reject.  With `--strict` a warning is a refusal.  Raises
        RuntimeError outside of `prepare`, where nobody listens.
        """
        if self._said is None:
            raise RuntimeError("a warning can be said in prepare only")
        doubt = Reject(message, key, table)
        heard(doubt)
        self._said[doubt.reason(self.title(), self.table)] = None

    @property
    def whole(self) -> Mapping[str, Any]:
        """The whole configuration in force, read-only; in its own tables, the combined values."""
        if isinstance(self.config, Stale):
            self.config.refuse()
        return self.merged.whole if self.merged is not None else self.configuration.tree

    # What the library calls

    def judge(
        self,
        candidate: Configuration,
        arguments: Arguments = (),
        about_a_start: bool = True,
        allowed: float | None = None,
    ) -> StagedSettings | Refusal:
        """The same as `start_judging`, for whoever has time to wait for a verdict that is late."""
        answer = self.start_judging(candidate, arguments, about_a_start, allowed)
        if not isinstance(answer, Undecided):
            return answer
        answer.later.wait()
        return self.end_judging(answer)

    def start_judging(
        self,
        candidate: Configuration,
        arguments: Arguments = (),
        about_a_start: bool = True,
        allowed: float | None = None,
    ) -> StagedSettings | Refusal | Undecided:
        """Combine, check the types, then ask `prepare`: what to stage, or every reason against.

        Changes nothing: neither `config` nor `arguments` is touched before `take`.

        `arguments` are the load arguments and runtime values; `allowed` is how many seconds the
        coordinator waits.  What does not refuse is in
        `warnings` afterwards, and so is, with `about_a_start`, what only a start would refuse.
        Whatever author's code raises other than Reject and Rejects passes through.
        """
        values = (*self.environment, *arguments)
        merged = self._merged(candidate.parts, values)
        said: dict[Reason, None] = {}
        self._said, self.warnings, self.seconds_allowed = said, (), allowed
        answer: StagedSettings | Refusal | Undecided
        try:
            answer = self.weigh(candidate, merged)
            if isinstance(answer, StagedSettings):
                if answer.built is not None and isinstance(answer.built, Later):
                    answer = Undecided(answer, answer.built)
                elif about_a_start and self.start_matters and not self.starting:
                    said.update(dict.fromkeys(self._at_a_start(candidate, merged)))
        finally:
            self._said = None
        self.warnings = self._located(said, merged) if said else ()
        return answer

    def _merged(self, tree: LazyTable, values: Arguments) -> Merged:
        """What the module would read; most changes are about other modules' tables."""
        known, tables = self._read, self.owned()
        same = known.merged.moved_to(tree, tables, values) if known is not None else None
        if same is not None:
            return same
        return merge_layers(tree, tables, self.schema(), values, self.title())

    def end_judging(self, undecided: Undecided) -> StagedSettings | Refusal:
        """The verdict of a `later` that is done."""
        staged = undecided.staged
        return self._ask(
            staged.configuration, staged.merged, staged.settings, undecided.later.result
        )

    def _at_a_start(self, candidate: Configuration, merged: Merged) -> list[Reason]:
        """Why a start would refuse what a change does not; nothing of it is kept."""
        self.starting = True
        try:
            answer = self.weigh(candidate, merged)
            if isinstance(answer, StagedSettings):
                self.abort(answer.built)
                return []
            reasons = answer.reasons
        except BaseException as error:  # an author's mistake there is no reason against this change
            why = f"prepare raised {type(error).__name__}: {error}"
            reasons = (Reason(self.title(), why, code=ReasonCode.FAULT),)
        finally:
            self.starting = False
        return [
            replace(reason, message=f"{AT_A_START}: {reason.message}", code=ReasonCode.START_ONLY)
            for reason in reasons
        ]

    def weigh(self, candidate: Configuration, merged: Merged) -> StagedSettings | Refusal:
        """The second half of `judge`; base classes may set things up around it."""
        if self._read is not None and merged.own is self._read.merged.own and not self.starting:
            settings = self._read.settings
            return self._ask(candidate, merged, settings, self.prepare, settings, merged.whole)
        title = self.title()
        self._learn_secrets(merged)
        settings = read_table(type(self).Config, merged.own, self.owned().where, title)
        if isinstance(settings, Refusal):
            return self._refused((*merged.faults, *settings.reasons), merged)
        self._learn_secrets(merged, settings)
        if merged.faults:
            return self._refused(merged.faults, merged)
        return self._ask(candidate, merged, settings, self.prepare, settings, merged.whole)

    def _ask(
        self,
        candidate: Configuration,
        merged: Merged,
        settings: Any,
        build: Callable[..., Any],
        *given: Any,
    ) -> StagedSettings | Refusal:
        """What the author's code, `build(*given)`, says to it, heard to the end."""
        objections: dict[int, BaseException] = {}
        before = listening.set(objections)
        try:
            built = build(*given)
        except (Reject, Rejects) as objection:
            return self._refused(self._objected(objection), merged)
        finally:
            listening.reset(before)
        if built is None and not objections:  # what nearly all say
            return StagedSettings(candidate, merged, settings, None)
        unheard = not_an_answer(built)
        fault = f"prepare returned {unheard}" if unheard else never_raised(objections)
        if fault:
            fault_of_author = Reason(self.title(), fault, code=ReasonCode.FAULT)
            return self._refused((fault_of_author,), merged)
        return StagedSettings(candidate, merged, settings, built)

    def _objected(self, objection: Reject | Rejects) -> list[Reason]:
        """What was raised, as it travels to the coordinator."""
        title = self.title()
        rejects = (objection,) if isinstance(objection, Reject) else objection.rejects
        reasons = [reject.reason(title, self.table) for reject in rejects]
        return reasons or [Reason(title, _NO_REASONS, code=ReasonCode.FAULT)]

    def _refused(self, reasons: Iterable[Reason], merged: Merged) -> Refusal:
        return Refusal(self._located(reasons, merged))

    def _located(self, reasons: Iterable[Reason], merged: Merged) -> tuple[Reason, ...]:
        """The reasons, with the origin of the value where it is not the broker's configuration."""
        where = self.owned().where
        located = []
        for reason in reasons:
            inside = reason.key[: len(where)] == where
            origin = merged.origin_of(reason.key[len(where) :]) if inside else None
            shown = replace(reason, message=self.without_secrets(reason.message))
            located.append(replace(shown, origin=Origin(origin)) if origin else shown)
        return tuple(located)

    def _learn_secrets(self, candidate: Merged, settings: Any = None) -> None:
        """Know the secrets of the candidate, and those in force, by their text.

        As they were written, and as `settings` and `config` have them: read, and with defaults.
        """
        patterns = secret_paths(type(self).Config)
        if patterns:
            known = [merged.own for merged in (candidate, self.merged, self.loaded) if merged]
            read = (settings, self.config)
            known += [uncovered(model) for model in read if isinstance(model, BaseModel)]
            self._secrets = frozenset().union(*(texts_of(values, patterns) for values in known))

    def without_secrets(self, shown: Any) -> Any:
        """Text, or anything JSON can hold, with a mask wherever a secret of 4 or more is in it."""
        return scrubbed(shown, self._secrets) if self._secrets else shown

    def take(self, staged: StagedSettings) -> None:
        """Make `staged` the configuration in force and tell the author's `commit`."""
        settings, merged = staged.settings, staged.merged
        kind: type[BaseModel] = type(settings)
        if self.loaded is None:
            self.loaded = merged
        elif has_restart(kind):
            settings = keep_restart_values(settings, self.config, self.schema())
        if self.merged is None or merged.arguments is not self.merged.arguments:
            self.arguments = _as_typed(merged.arguments)
        self.configuration, self.merged = staged.configuration, merged
        self._read = staged if _is_plain(staged.settings) else None
        self.config = settings
        run_verb("commit", self.commit, staged.built)
        self.starting = False

    def lose(self, why: str) -> None:
        """Nobody keeps the configuration up to date in this process: reading it raises `why`."""
        self.config = self.arguments = Stale(why)
        self.configuration, self.merged, self.loaded, self._read = EMPTY, None, None, None
        self.starting, self.served_in = True, None
        self.timers.clear()
        self._reported = ((), (), "")

    def read_environment(self, name: str) -> None:
        """See what the environment says to a module that joins as `name`."""
        keys = (parameter.key for parameter in parameters(self.schema(), self.owned()))
        self.environment = from_environment(name, keys)

    def report(self) -> str:
        """The values in force with their origins, as in Applied; JSON text within its limit."""
        if self.merged is None or self.loaded is None:
            return "{}"
        # Most changes are about other modules' tables, and what is told of this one is as before.
        encoded, arguments, text = self._reported
        if not text or encoded != self.merged.encoded or arguments != self.merged.arguments:
            text = report(self.schema(), self.owned(), self.merged, self.loaded)
            self._reported = self.merged.encoded, self.merged.arguments, text
        return text

    @classmethod
    @cache
    def owned(cls) -> Tables:
        """The tables of this module."""
        if cls.table is not None:
            return Tables((cls.table,), single=True)
        return Tables(cls.tables, single=False)

    @classmethod
    @cache
    def schema(cls) -> Schema:
        """The JSON Schema of `Config`."""
        return schema_of(cls.Config)

    @classmethod
    @cache
    def secret_places(cls) -> Patterns:
        """The places in the whole configuration of this module's secrets."""
        where = cls.owned().where
        return tuple((*where, *path) for path in secret_paths(cls.Config))

    @classmethod
    @cache
    def title(cls) -> str:
        """The name under which this module joins."""
        return cls.name or cls.table or cls.__name__.lower()

    @classmethod
    def purpose(cls) -> str:
        """The first line of the class's docstring."""
        return (inspect.getdoc(cls) or "").partition("\n")[0]
