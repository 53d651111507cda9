# SPDX-License-Identifier: LGPL-3.0-or-later
"""Copies and fingerprints of machines, made by walking over whatever fields they have.

Nothing here knows the machines: a field that is added to one is in its copies and its fingerprints
from that day on.  Times are told apart from numbers by their type: whoever drives a machine with
`Moment`s finds Moments in its fields wherever it keeps a time.

A fingerprint is relative to the present, which is Moment(0), and leaves out

- how long ago something was: machines compare moments with the present only, so all that are past
  are alike.  (They keep deadlines; where they keep a beginning, it is for people.)
- texts for people (`PEOPLE`), of which it keeps only whether there is one;
- the order of a dict or set, which decides in which order things are said within one step.
"""

import operator
import types
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import is_dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

from coordinator.core.decisions import Attempt, Decision, Durable
from coordinator.core.results import Outcome
from protocol.configuration import Configuration
from protocol.reasons import Reason

Machine = TypeVar("Machine")
Rename: TypeAlias = Callable[[str], str]

PEOPLE = frozenset({"why", "reasons", "warnings", "restarts", "refusal", "description", "report"})
"""Fields that nobody but a reader looks at, or that are only asked whether anything is in them."""

_DIGITS = 6


class Moment(float):
    """A time by the machine's clock; the present is Moment(0).  Differences are plain seconds."""

    __slots__ = ()

    def __add__(self, seconds: float) -> "Moment":
        return Moment(float(self) + float(seconds))

    __radd__ = __add__

    def __sub__(self, other: float) -> float:
        difference = round(float(self) - float(other), _DIGITS)
        return difference if isinstance(other, Moment) else Moment(difference)


NOW = Moment(0.0)


# Kinds of values


_ATOMS = (str, int, float, bytes, bool, type(None), frozenset, Enum, Configuration, type,
          BaseException)  # fmt: skip
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType)
_PLAIN = (int, float, bool, type(None))


def _kind(of: Any) -> str:
    if issubclass(of, Moment):
        return "moment"
    if of in _PLAIN or issubclass(of, Enum):
        return "plain"
    if of is str:
        return "text"
    if issubclass(of, _ATOMS) or issubclass(of, _FUNCTIONS):
        return "atom"
    if issubclass(of, tuple):
        return "tuple"
    if issubclass(of, types.MethodType):
        return "method"
    if issubclass(of, dict):
        return "dict"
    if issubclass(of, list | deque):
        return "list"
    if issubclass(of, set):
        return "set"
    if is_dataclass(of) and vars(of)["__dataclass_params__"].frozen:
        return "atom"
    return "object"


class _Kinds(dict[Any, str]):
    """The kind of every type that was met: this is asked for each field of each machine."""

    def __missing__(self, of: Any) -> str:
        found = self[of] = _kind(of)
        return found


_KINDS = _Kinds()
_SIMPLE = frozenset({"plain", "text", "atom"})
"""Kinds of which a copy shares what it does not rename."""


@lru_cache(None)
def _slots(of: Any) -> tuple[str, ...]:
    found = [slot for base in of.__mro__ for slot in vars(base).get("__slots__", ())]
    return tuple(slot for slot in found if slot not in ("__weakref__", "__dict__"))


def fields_of(thing: Any) -> dict[str, Any]:
    """The fields of an object, wherever it keeps them."""
    found = dict(getattr(thing, "__dict__", ()))
    of: Any = type(thing)
    for slot in _slots(of):
        if hasattr(thing, slot):
            found[slot] = getattr(thing, slot)
    return found


# Copies


def copied(thing: Machine, shift: float = 0.0, rename: Rename | None = None) -> Machine:
    """The same anew, `shift` seconds later, with other names; what cannot change is shared."""
    made: Machine = _Copy(shift, rename).of(thing)
    return made


class _Copy:
    def __init__(self, shift: float, rename: Rename | None) -> None:
        self._shift = shift
        self._rename = rename
        self._made: dict[int, Any] = {}
        self._kept: list[Any] = []

    def of(self, thing: Any) -> Any:
        kind = _KINDS[type(thing)]
        if kind in _SIMPLE:
            return thing if self._rename is None or kind == "plain" else self._atom(thing)
        if kind == "moment":
            return thing - self._shift if self._shift else thing
        if kind == "tuple":
            return self._tuple(thing)
        if kind == "method":
            return types.MethodType(thing.__func__, self.of(thing.__self__))
        made = self._made.get(id(thing))
        if made is None:
            made = self._container(thing, kind)
        return made

    def _atom(self, thing: Any) -> Any:
        rename = self._rename
        assert rename is not None
        if isinstance(thing, str):
            return rename(thing)
        if isinstance(thing, bytes) and len(thing) <= _NAME_LENGTH:
            return rename(thing.decode("latin-1")).encode("latin-1")
        if isinstance(thing, frozenset):
            return frozenset(self.of(member) for member in thing)
        if isinstance(thing, Reason):
            return replace(thing, module=rename(thing.module))
        return thing

    def _tuple(self, thing: Any) -> Any:
        of = self.of
        members = [of(member) for member in thing]
        if all(map(operator.is_, members, thing)):
            return thing
        make = getattr(type(thing), "_make", tuple)
        return make(members)

    def _container(self, thing: Any, kind: str) -> Any:
        self._kept.append(thing)  # so that no other object gets its id meanwhile
        of = self.of
        made: Any
        if kind == "dict":
            made = self._made[id(thing)] = type(thing)()
            for key, value in thing.items():
                made[of(key)] = of(value)
        elif kind == "list":
            made = self._made[id(thing)] = type(thing)()
            made.extend(map(of, thing))
        elif kind == "set":
            made = self._made[id(thing)] = set(map(of, thing))
        else:
            made = self._made[id(thing)] = object.__new__(type(thing))
            for name, value in fields_of(thing).items():
                object.__setattr__(made, name, of(value))
        return made


_NAME_LENGTH = 40


# Fingerprints


class Fingerprint:
    """What a machine is, as a value; and the moments and names that are in it."""

    def __init__(self, machine: object) -> None:
        self.moments: set[float] = set()
        """Of the future, in seconds from now: all that the machine may be waiting for."""
        self.texts: set[str] = set()
        """Short texts: names, txids, sessions, connections."""
        self._seen: dict[int, int] = {}
        self.value: Hashable = self._of(machine)

    def _of(self, thing: Any) -> Hashable:
        kind = _KINDS[type(thing)]
        if kind == "plain":
            plain: Hashable = thing
            return plain
        if kind == "text":
            self.texts.add(thing)
            return str(thing)
        if kind == "atom":
            return self._atom(thing)
        if kind == "moment":
            left = round(max(0.0, float(thing)), _DIGITS)
            if 0.0 < left < float("inf"):
                self.moments.add(left)
            return left
        if kind == "tuple":
            return self._tuple(thing)
        if kind == "method":
            return (thing.__name__, self._of(thing.__self__))
        if id(thing) in self._seen:
            return ("seen", self._seen[id(thing)])
        self._seen[id(thing)] = len(self._seen)
        return self._container(thing, kind)

    def _atom(self, thing: Any) -> Hashable:
        if isinstance(thing, Configuration):
            return thing.digest
        if isinstance(thing, str):
            self.texts.add(thing)
        elif isinstance(thing, bytes) and len(thing) <= _NAME_LENGTH:
            self.texts.add(thing.decode("latin-1"))
        elif isinstance(thing, _FUNCTIONS):
            return str(thing.__qualname__)
        found: Hashable = thing
        return found

    def _tuple(self, thing: Any) -> Hashable:
        if isinstance(thing, Durable):  # when it was committed is for people
            return (self._of(thing.receipt), self._of(thing.decision))
        if isinstance(thing, Attempt):
            return thing.txid
        if isinstance(thing, Outcome):  # how long it took is for people, too
            thing = thing._replace(seconds=0.0)
        if isinstance(thing, Decision):
            thing = thing._replace(members=tuple(sorted(thing.members)))
        names = getattr(thing, "_fields", None)
        if names is None:
            return tuple(self._of(member) for member in thing)
        of = self._of
        return (type(thing).__name__, *[
            bool(value) if name in PEOPLE else of(value)
            for name, value in zip(names, thing, strict=True)
        ])  # fmt: skip

    def _container(self, thing: Any, kind: str) -> Hashable:
        if kind == "dict":
            return self._table(thing)
        if kind == "list":
            return tuple(self._of(member) for member in thing)
        if kind == "set":
            return frozenset(self._of(member) for member in thing)
        of, fields = self._of, fields_of(thing)
        return (type(thing).__name__, *[
            (name, bool(fields[name]) if name in PEOPLE else of(fields[name]))
            for name in sorted(fields)
        ])  # fmt: skip

    def _table(self, thing: Mapping[Any, Any]) -> Hashable:
        items = thing.items()
        if all(isinstance(key, str | bytes) for key in thing):
            items = sorted(items)  # type: ignore[assignment]
        found = []
        for key, value in items:
            frozen_key = self._of(key)
            is_text = isinstance(value, Reason)
            found.append((frozen_key, bool(value) if is_text else self._of(value)))
        return tuple(found)
