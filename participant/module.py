"""What an author of a module writes: a class with a table, its settings, and three verbs.

`prepare` looks at a candidate and may refuse it; `commit` takes it into use and must not fail;
`abort` throws away what `prepare` built.  Between a yes and the decision the module goes on with
its old configuration.  A module that implements none of the three takes part by default: its
settings are checked against `Config` and replaced at commit.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel

from participant.typed import Settings, read_table
from protocol.configuration import EMPTY, Configuration
from protocol.keys import Path, parse_key
from protocol.reasons import Reason


class Reject(Exception):
    """Raised by `prepare`: this candidate must not be committed.

    `key` is dotted and relative to the module's table (a tuple where a part has dots of its own);
    `table` names another table where the objection is about that one.
    """

    def __init__(self, message: str, key: str | Path = (), table: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.key: Path = (parse_key(key) if key else ()) if isinstance(key, str) else key
        self.table = table

    def reason(self, module: str, own_table: str | None) -> Reason:
        """This objection as it travels to the coordinator."""
        table = self.table if self.table is not None else own_table
        return Reason(module, self.message, key=(table, *self.key) if table else self.key)


class Rejects(Exception):
    """Several objections at once: collect `Reject`s in a list and raise them together."""

    def __init__(self, rejects: Iterable[Reject]) -> None:
        self.rejects = tuple(rejects)
        super().__init__("; ".join(reject.message for reject in self.rejects))


@dataclass(frozen=True, slots=True)
class Timer:
    """A function that the module asked to have called every `seconds`."""

    seconds: float
    call: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Staged:
    """A candidate that passed, and all that is needed to take it into use."""

    configuration: Configuration
    settings: Any
    built: Any


class Module:
    """Base class of all modules.

    Class attributes: `table`, the TOML table that `Config` describes; or `tables`, where a module
    owns several, and `Config` has one field for each; `name`, where it is not the table's.
    Instance attributes, kept by the library: `config`, the settings in force; `whole`, the whole
    configuration, read-only; `arguments`, the load arguments.
    """

    name: ClassVar[str] = ""
    table: ClassVar[str | None] = None
    tables: ClassVar[tuple[str, ...]] = ()

    Config: ClassVar[type[BaseModel]]

    class Config(Settings):  # type: ignore[no-redef]
        """A module's settings; override with fields of your own."""

    def __init__(self, arguments: Mapping[str, str] | None = None) -> None:
        self.arguments: Mapping[str, str] = dict(arguments or {})
        self.configuration = EMPTY
        self.config: Any = None
        self.starting: bool = True
        """True until the first commit: some checks (files that must exist, the host's name) are
        made only when a module starts, as in Flux."""
        self.timers: list[Timer] = []

    # What authors override

    def prepare(self, new: Any, config: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """Look at a candidate: `new` is its `Config`, `config` all of it, read-only.

        Return anything that `commit` or `abort` should be given.  Raise Reject or Rejects to
        refuse.  The old configuration stays in force, whatever happens here.
        """
        return None

    def commit(self, staged: Any) -> None:
        """Take the candidate into use; `self.config` is already the new one.  Must not fail."""

    def abort(self, staged: Any) -> None:
        """Release what `prepare` built for a candidate that is not coming."""

    def run(self) -> None:
        """Called once, after the first commit; the place to call `every`.  Must return."""

    def stats(self) -> dict[str, Any]:
        """What `flux module stats` shows; anything JSON can hold."""
        return {}

    # What authors call

    def every(self, seconds: float, call: Callable[[], object]) -> None:
        """Have `call()` called every `seconds` in the thread that also calls `prepare`."""
        self.timers.append(Timer(seconds, call))

    @property
    def whole(self) -> Mapping[str, Any]:
        """The whole configuration in force, read-only."""
        return self.configuration.tree

    # What the library calls

    def judge(self, candidate: Configuration) -> Staged | tuple[Reason, ...]:
        """Check the typed tables, then ask `prepare`: what to stage, or every reason against.

        Whatever author's code raises other than Reject and Rejects passes through.
        """
        settings = self._read(candidate)
        if isinstance(settings, tuple):
            return settings
        try:
            built = self.prepare(settings, candidate.tree)
        except Reject as reject:
            return (reject.reason(self.title(), self.table),)
        except Rejects as several:
            return tuple(one.reason(self.title(), self.table) for one in several.rejects)
        return Staged(candidate, settings, built)

    def _read(self, candidate: Configuration) -> BaseModel | tuple[Reason, ...]:
        if self.table is not None:
            value, where = candidate.tree.get(self.table, {}), (self.table,)
            return read_table(type(self).Config, value, where, self.title())
        mine = {table: candidate.tree[table] for table in self.tables if table in candidate.tree}
        return read_table(type(self).Config, mine, (), self.title())

    def take(self, staged: Staged) -> None:
        """Make `staged` the configuration in force and tell the author's `commit`."""
        self.configuration = staged.configuration
        self.config = staged.settings
        self.commit(staged.built)
        self.starting = False

    @classmethod
    def title(cls) -> str:
        """The name under which this module joins."""
        return cls.name or cls.table or cls.__name__.lower()

    @classmethod
    def purpose(cls) -> str:
        """The first line of the class's docstring."""
        return (inspect.getdoc(cls) or "").partition("\n")[0]
