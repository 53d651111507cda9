# SPDX-License-Identifier: LGPL-3.0-or-later
"""A configuration as it is shown: read-only on every level, and decoded where it is looked at."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import msgpack

Value: TypeAlias = "str | int | float | bool | tuple[Value, ...] | Mapping[str, Value]"
Table: TypeAlias = Mapping[str, Value]


class LazyTable(Mapping[str, Value]):
    """A whole configuration, of which nothing but the names of its tables has been decoded."""

    __slots__ = ("_encoded", "_places", "_read")

    def __init__(self, encoded: bytes) -> None:
        """`encoded` is a configuration's canonical encoding."""
        self._encoded = encoded
        self._read: dict[str, Value] = {}
        self._places: dict[str, tuple[int, int]] = {}
        unpacker = msgpack.Unpacker(read_size=len(encoded), max_buffer_size=len(encoded))
        unpacker.feed(encoded)
        for _ in range(unpacker.read_map_header()):
            name, start = unpacker.unpack(), unpacker.tell()
            unpacker.skip()
            self._places[name] = start, unpacker.tell()

    def encoding(self, name: str) -> bytes:
        """The canonical encoding of what is there under `name`; empty where nothing is."""
        return self.encodings((name,))[0]

    def encodings(self, names: Iterable[str]) -> tuple[bytes, ...]:
        """The canonical encoding of what is there under each name; empty where nothing is."""
        found = []
        for name in names:
            start, end = self._places.get(name, (0, 0))
            found.append(self._encoded[start:end])
        return tuple(found)

    def __getitem__(self, name: str) -> Value:
        if name not in self._read:
            start, end = self._places[name]
            self._read[name] = freeze(msgpack.unpackb(self._encoded[start:end], raw=False))
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return f"LazyTable({', '.join(self._places)})"


class LaidOver(Mapping[str, Value]):
    """A whole configuration, with other tables in the place of some of its own, or beside them."""

    __slots__ = ("_below", "_over")

    def __init__(self, below: Table, over: dict[str, Any]) -> None:
        self._below = below
        self._over = over

    def __getitem__(self, name: str) -> Value:
        value: Value = freeze(self._over[name]) if name in self._over else self._below[name]
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._over or name in self._below

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self._below), **self._over})

    def __len__(self) -> int:
        return len(self._below) + sum(name not in self._below for name in self._over)

    def __repr__(self) -> str:
        return f"LaidOver({', '.join(self)})"


class WatchedTable(LazyTable):
    """The same configuration, for a reader of whom it is to be known what it has looked at."""

    __slots__ = ("_seen",)

    def __init__(self, table: LazyTable) -> None:
        self._encoded, self._read, self._places = table._encoded, table._read, table._places
        self._seen: set[str] | None = set()

    @property
    def seen(self) -> frozenset[str] | None:
        """The names that were asked for, be they there or not; None where it was all of them."""
        return None if self._seen is None else frozenset(self._seen)

    def _look(self, name: object) -> None:
        if self._seen is not None:
            self._seen.add(str(name))

    def encodings(self, names: Iterable[str]) -> tuple[bytes, ...]:
        asked = tuple(names)
        for name in asked:
            self._look(name)
        return super().encodings(asked)

    def __getitem__(self, name: str) -> Value:
        self._look(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._look(name)
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        self._seen = None
        return super().__iter__()

    def __len__(self) -> int:
        self._seen = None
        return super().__len__()


class FrozenTable(Mapping[str, Value]):
    """A table that can be read and not written.

    What lies below is wrapped when it is looked at: most of a large configuration never is.
    """

    __slots__ = ("_table",)

    def __init__(self, table: dict[str, Any]) -> None:
        self._table = table

    def __getitem__(self, key: str) -> Value:
        value: Value = freeze(self._table[key])
        return value

    def __contains__(self, key: object) -> bool:
        return key in self._table

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def __repr__(self) -> str:
        return f"FrozenTable({self._table!r})"


def freeze(value: Any) -> Any:
    """`value` as it may be shown: read-only on every level."""
    if type(value) is dict:
        return FrozenTable(value)
    if type(value) is list:
        return tuple(freeze(member) for member in value)
    return value


def thaw(value: Value) -> Any:
    """A copy in ordinary dicts and lists, the caller's own."""
    if type(value) is FrozenTable:
        return msgpack.unpackb(msgpack.packb(value._table), raw=False)
    if isinstance(value, Mapping):
        return {key: thaw(member) for key, member in value.items()}
    if isinstance(value, tuple):
        return [thaw(member) for member in value]
    return value
