# SPDX-License-Identifier: LGPL-3.0-or-later
"""The configuration as a value: immutable, with one canonical encoding and therefore one digest.

Agreement is about bytes.  Two processes agree that they run the same configuration when they hold
the same digest, so there must be exactly one encoding of each configuration: msgpack
(https://github.com/msgpack/msgpack/blob/master/spec.md), shortest forms, the keys of every table in
the order of their code points.  An integer and a real are different values (1 is not 1.0).
"""

import hashlib
import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgpack

from protocol import limits
from protocol.frozen import LazyTable, Table, Value, WatchedTable
from protocol.keys import Path, format_key

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


class Unfit(ValueError):
    """A tree that cannot be a configuration; `key` tells which part of it."""

    def __init__(self, message: str, key: Path = ()) -> None:
        super().__init__(f"{format_key(key)}: {message}" if key else message)
        self.message = message
        self.key = key


class Configuration:
    """An immutable tree of tables, arrays, strings, integers, finite reals and booleans.

    Compares and hashes by digest.  A table is decoded when it is first looked at: most participants
    look at one or two of many, and one that finds the digest unchanged at none.
    """

    __slots__ = ("_tree", "digest", "encoded")

    encoded: bytes
    digest: str

    def __init__(self, encoded: bytes, digest: str = "") -> None:
        """For `of` and `decode`, and for bytes whose `digest` has been checked already."""
        self.encoded = encoded
        self.digest = digest or digest_of(encoded)
        self._tree: LazyTable | None = None

    @classmethod
    def of(cls, tree: Mapping[str, Any]) -> "Configuration":
        """The configuration with this content.

        Raises Unfit for a value that TOML and JSON do not share (dates, None, NaN, infinity,
        integers of more than 64 bits), for nesting deeper than CONFIGURATION_DEPTH, and for more
        than CONFIGURATION_BYTES.
        """
        if not isinstance(tree, Mapping):
            raise Unfit("a configuration is a table")
        ordered = _ordered(tree, ())
        encoded: bytes = msgpack.packb(ordered, use_bin_type=True)
        if len(encoded) > limits.CONFIGURATION_BYTES:
            raise Unfit(
                f"the configuration takes {len(encoded)} bytes; "
                f"at most {limits.CONFIGURATION_BYTES} are allowed"
            )
        return cls(encoded)

    @classmethod
    def decode(cls, encoded: bytes) -> "Configuration":
        """The configuration behind bytes that came from elsewhere.

        Raises Unfit unless they are the canonical encoding of a configuration.
        """
        if len(encoded) > limits.CONFIGURATION_BYTES:
            raise Unfit("the encoding is too large")
        try:
            tree = msgpack.unpackb(encoded, raw=False, strict_map_key=True)
            again = cls.of(tree)
        except Unfit:
            raise
        except Exception as error:  # msgpack raises a dozen kinds for bytes it cannot read
            raise Unfit(f"the encoding cannot be read: {type(error).__name__}") from error
        if again.encoded != encoded:
            raise Unfit("the encoding is not canonical")
        return again

    @property
    def tree(self) -> Table:
        """The content, read-only on every level: tables are mappings, arrays tuples."""
        return self.parts

    @property
    def parts(self) -> LazyTable:
        """The same, with the encoding of each of its parts."""
        if self._tree is None:
            self._tree = LazyTable(self.encoded)
        return self._tree

    def watched(self) -> "tuple[Configuration, WatchedTable]":
        """The same for a reader, and what tells afterwards where it has looked."""
        table = WatchedTable(self.parts)
        copy = Configuration(self.encoded, self.digest)
        copy._tree = table
        return copy, table

    def get(self, path: Path) -> Value:
        """The value at `path`; KeyError where there is none.  `()` is the whole."""
        value: Any = self.tree
        for step in path:
            if not _has(value, step):
                raise KeyError(format_key(path))
            value = value[step]
        found: Value = value
        return found

    def plain(self) -> dict[str, Any]:
        """A copy of the content in ordinary dicts and lists, the caller's own."""
        copy: dict[str, Any] = msgpack.unpackb(self.encoded, raw=False)
        return copy

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Configuration) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<Configuration {self.digest[:12]} {len(self.encoded)} bytes>"


def _has(value: Any, step: str | int) -> bool:
    if isinstance(step, str):
        return isinstance(value, Mapping) and step in value
    return isinstance(value, tuple) and 0 <= step < len(value)


def digest_of(encoded: bytes) -> str:
    """SHA-256 (FIPS 180-4) of an encoding, in hexadecimal."""
    state = _SHA256.copy()
    state.update(encoded)
    return state.hexdigest()


_SHA256 = hashlib.sha256()  # a copy costs less than asking OpenSSL for another


def _ordered(value: Any, path: Path) -> Any:
    """A copy of `value` with sorted tables; raises Unfit for what cannot be configuration."""
    if isinstance(value, Mapping):
        _check_depth(path)
        if not _are_ascii(value):
            for key in value:
                if not isinstance(key, str):
                    raise Unfit(f"the key {key!r} is not a string", path)
                _check_text(key, path)
        made = {key: value[key] for key in sorted(value)}
        if not _are_ascii(made.values()):
            for key, member in made.items():
                if type(member) is not str or not member.isascii():
                    made[key] = _ordered(member, (*path, key))
        return made
    if isinstance(value, list | tuple):
        _check_depth(path)
        return [_ordered(member, (*path, index)) for index, member in enumerate(value)]
    if isinstance(value, str):
        _check_text(value, path)
        return value
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not _SMALLEST <= value <= _LARGEST:
            raise Unfit("the integer does not fit 64 bits", path)
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Unfit("a number must be finite", path)
        return value
    raise Unfit(f"a value of type {type(value).__name__} is not allowed", path)


def _are_ascii(values: Iterable[Any]) -> bool:
    """Whether all are text that needs no closer look; most tables have no other keys or values."""
    try:
        return "".join(values).isascii()
    except TypeError:
        return False


def _check_depth(path: Path) -> None:
    if len(path) >= limits.CONFIGURATION_DEPTH:
        raise Unfit(f"nested deeper than {limits.CONFIGURATION_DEPTH} levels", path[:8])


def _check_text(text: str, path: Path) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unfit("the text is not valid Unicode", path) from None


EMPTY = Configuration.of({})
