# SPDX-License-Identifier: LGPL-3.0-or-later
"""The one configuration of a module: default < file < environment < load arguments < runtime.

Defaults are the author's, in `Config`.  What the file says is the module's tables of the
broker's configuration.  The rest are values for this module alone, as text, each with its origin;
they are laid over the tables one after the other, and what comes out is judged and committed as
one.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgpack

from participant.settings.argument_text import value_of
from participant.settings.schema import Schema, below, kinds
from protocol.frozen import LaidOver, LazyTable, Table
from protocol.keys import Path, format_key, parse_key
from protocol.messages import Argument, Arguments
from protocol.reason_code import ReasonCode
from protocol.reasons import Origin, Reason

FILE: Final = "configuration"
"""The origin of a value from the configuration files."""
DEFAULT: Final = "default"
"""The origin of the author's default."""
_UNKNOWN: Final = "unknown key"


class Tables:
    """Which tables of the configuration a module owns, and how its keys are written."""

    def __init__(self, names: tuple[str, ...], single: bool) -> None:
        """`single`: `Config` is the one table, not a table of tables."""
        self.names = names
        self.single = single
        self.where: Path = names if single else ()
        """The place in the configuration of what `Config` describes."""

    def own(self, tree: LazyTable) -> tuple[Any, tuple[bytes, ...]]:
        """A copy of what the configuration says to this module, of whatever shape; and encoded."""
        encoded = tree.encodings(self.names)
        if self.single:
            return msgpack.unpackb(encoded[0], raw=False) if encoded[0] else {}, encoded
        named = zip(self.names, encoded, strict=True)
        return {name: msgpack.unpackb(table, raw=False) for name, table in named if table}, encoded

    def spelt(self, path: Path) -> Path:
        """The key of the setting at `path` of `Config`: the first table's name is left out."""
        first = not self.single and path[0] == self.names[0] and len(path) > 1
        return path[1:] if first and path[1] not in self.names else path

    def path(self, key: Path) -> Path:
        """The inverse of `spelt`."""
        if self.single or not self.names or key[0] in self.names:
            return key
        return (self.names[0], *key)

    def laid_over(self, tree: Table, own: Any) -> Table:
        """The whole configuration, read-only, with `own` in the place of this module's tables."""
        return LaidOver(tree, {self.names[0]: own} if self.single else own)


class Override(NamedTuple):
    """A value for this module alone: where in `Config` it goes, and who gave it."""

    path: Path
    origin: str


class Merged(NamedTuple):
    """All values that are not defaults, in one place."""

    whole: Table
    """The whole configuration, read-only, as this module is to see it."""
    encoded: tuple[bytes, ...]
    """What the configuration says to this module, encoded."""
    own: Any
    """What `Config` is made from."""
    arguments: Arguments = ()
    """What is laid over it."""
    overrides: tuple[Override, ...] = ()
    """The same, as places of `Config`."""
    faults: tuple[Reason, ...] = ()
    """Values that have no place in it."""

    def origin_of(self, path: Path) -> str | None:
        """Who gave the value at `path` of `Config`, where it is not the configuration."""
        for override in reversed(self.overrides):
            if path[: len(override.path)] == override.path:
                return override.origin
        return None

    def origin_text(self, path: Path) -> str:
        """Where the value at `path` of `Config` comes from, for people."""
        origin = self.origin_of(path)
        if origin is not None:
            return origin
        inside = self._origin_inside(path)
        origin = FILE if self.has(path) else DEFAULT
        return f"{origin}, in part {inside}" if inside else origin

    def moved_to(self, tree: LazyTable, tables: Tables, arguments: Arguments) -> "Merged | None":
        """The same in `tree`; None where the module would read something else there."""
        if arguments != self.arguments or tree.encodings(tables.names) != self.encoded:
            return None
        whole = tables.laid_over(tree, self.own) if self.overrides and tables.names else tree
        return Merged(whole, self.encoded, self.own, self.arguments, self.overrides, self.faults)

    def has(self, path: Path) -> bool:
        """Returns True if anything but a default is at `path` of `Config`."""
        return bool(list(self.at(path)))

    def at(self, path: Path) -> Iterator[Any]:
        """The value at `path` of `Config`, as it stands in TOML, if there is one."""
        value = self.own
        for step in path:
            if not isinstance(value, dict) or step not in value:
                return
            value = value[step]
        yield value

    def _origin_inside(self, path: Path) -> str | None:
        """Who gave the last value below `path`, where somebody did."""
        for override in reversed(self.overrides):
            if override.path[: len(path)] == path:
                return override.origin
        return None


def merge_layers(
    tree: LazyTable, tables: Tables, schema: Schema, arguments: Arguments, module: str
) -> Merged:
    """Lay `arguments`, in their order, over the module's tables of `tree`."""
    own, encoded = tables.own(tree)
    if not arguments:
        return Merged(whole=tree, encoded=encoded, own=own)
    overrides, faults = [], []
    for argument in arguments:
        try:
            path = tables.path(parse_key(argument.key))
            own = _placed(own, path, argument.value, schema)
        except ValueError as fault:
            key = (*tables.where, *_path_or_nothing(argument.key, tables))
            code = ReasonCode.UNKNOWN_KEY if str(fault) == _UNKNOWN else ReasonCode.INVALID
            faults.append(Reason(module, str(fault), key, Origin(argument.origin), code))
        else:
            overrides.append(Override(path, argument.origin))
    return Merged(
        whole=tables.laid_over(tree, own) if overrides and tables.names else tree,
        encoded=encoded,
        own=own,
        arguments=arguments,
        overrides=tuple(overrides),
        faults=tuple(faults),
    )


def _path_or_nothing(key: str, tables: Tables) -> Path:
    try:
        return tables.path(parse_key(key))
    except ValueError:
        return ()


def _placed(own: Any, path: Path, text: str, schema: Schema) -> Any:
    """`own` with the value put at `path`; ValueError, for people, where it cannot be there."""
    node: Any = schema
    place = own
    for depth, step in enumerate(path):
        if not isinstance(step, str) or isinstance(place, list):
            raise ValueError("is part of an array; set the whole array")
        if not isinstance(place, dict):
            raise ValueError(f"{format_key(path[:depth])} is not a table; nothing is set in it")
        node = below(schema, node, step)
        if node is None:
            raise ValueError(_UNKNOWN)
        if depth == len(path) - 1:
            place[step] = value_of(text, kinds(schema, node))
        else:
            place = place.setdefault(step, {})
    return own


# The environment


def variable(module: str, key: Path) -> str:
    """The name of the environment variable for a setting.

    >>> variable("job-list", ("max_comparisons",))
    'FLUX_JOB_LIST_MAX_COMPARISONS'
    """
    words = "_".join(("FLUX", module, *map(str, key)))
    return re.sub("[^A-Z0-9]", "_", words.upper())


def from_environment(
    module: str, keys: Iterable[Path], environment: Mapping[str, str] = os.environ
) -> tuple[Argument, ...]:
    """The values that the environment gives to the settings `keys` of the module."""
    return tuple(
        Argument(f"environment variable {name}", format_key(key), environment[name])
        for key in keys
        if (name := variable(module, key)) in environment
    )
