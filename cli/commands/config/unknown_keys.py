# SPDX-License-Identifier: LGPL-3.0-or-later
"""Tables and keys that nobody reads: accepted in silence by a lax table, and most often a typo.

What is read is what the `Config` classes of the modules describe.  A table that several modules
read is known as far as any of them knows it.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from coordinator.comparison.foreign import KEY, foreign_tables
from coordinator.comparison.foreign import TABLE as OWN_TABLE
from participant.module import Module
from protocol.configuration import Configuration
from protocol.keys import Path, format_key
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason

_Found = dict[Path, set[str]]
"""Unknown keys, and the names that are known in their places."""


def warnings(configuration: Configuration, modules: Iterable[type[Module]]) -> list[Reason]:
    """A reason, without a place, for each table and key that none of `modules` reads."""
    tree = configuration.tree
    foreign = foreign_tables(tree)
    readers: dict[str, list[_Found]] = {}
    for module in modules:
        unknown = _unknown_to(module, tree)
        for table in _tables(module):
            readers.setdefault(table, []).append(unknown)
    reasons = []
    for table in sorted(tree.keys() - foreign):
        if table == OWN_TABLE:
            reasons += [_warning((table, *rest), "key", {KEY}) for rest in _beside(tree[table])]
        elif table not in readers:
            what = "table" if isinstance(tree[table], Mapping) else "key"
            reasons.append(_warning((table,), what, readers))
        else:
            for path, names in _unknown_to_all(table, readers[table]).items():
                reasons.append(_warning(path, "key", names))
    return reasons


def _beside(own: Any) -> list[Path]:
    """Where the table for declarations like that of foreign tables has something else."""
    if not isinstance(own, Mapping):
        return [()]
    return [(name,) for name in own if name != KEY]


def _warning(path: Path, what: str, names: Iterable[str]) -> Reason:
    near = difflib.get_close_matches(str(path[-1]), sorted(names), 1)
    guess = f"; did you mean {format_key((near[0],))}?" if near else ""
    why = f"unknown {what}, which no module reads{guess}"
    return Reason("config", why, path, code=ReasonCode.UNKNOWN_KEY)


def _unknown_to_all(table: str, readers: list[_Found]) -> _Found:
    first, *others = readers
    return {
        path: names.union(*(other[path] for other in others))
        for path, names in first.items()
        if path[0] == table and all(path in other for other in others)
    }


def _tables(module: type[Module]) -> tuple[str, ...]:
    return (module.table,) if module.table is not None else module.tables


def _unknown_to(module: type[Module], tree: Mapping[str, Any]) -> _Found:
    if module.table is not None:
        return dict(_in_model(module.Config, tree.get(module.table), (module.table,)))
    mine = {table: tree[table] for table in module.tables if table in tree}
    return dict(_in_model(module.Config, mine, ()))


def _in_model(model: Any, value: Any, path: Path) -> Iterator[tuple[Path, set[str]]]:
    if not isinstance(value, Mapping):
        return  # of the wrong type, which its module says itself
    fields = _fields(model)
    others = _others(model)
    for name, member in value.items():
        if name in fields:
            yield from _in_type(fields[name], member, (*path, name))
        elif others is not None:
            yield from _in_type(others, member, (*path, name))
        else:
            yield (*path, name), _names(model)


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """The types of the model's fields by the names that stand in the file."""
    types = {}
    for name, field in model.model_fields.items():
        types[field.alias or name] = field.annotation
        if model.model_config.get("populate_by_name"):
            types[name] = field.annotation
    return types


def _names(model: type[BaseModel]) -> set[str]:
    """What a user of the model should write."""
    return {field.alias or name for name, field in model.model_fields.items()}


def _others(model: type[BaseModel]) -> Any:
    """The type of the keys that the model takes beside its fields; None where it takes none."""
    if model.model_config.get("extra") != "allow":
        return None
    for base in model.__mro__:
        annotation = vars(base).get("__annotations__", {}).get("__pydantic_extra__")
        if base is not BaseModel and annotation is not None:
            return (*get_args(annotation), Any)[1]
    return Any


def _in_type(kind: Any, value: Any, path: Path) -> Iterator[tuple[Path, set[str]]]:
    """Look for models in a field's type: itself, in Annotated, a union, a list or a dict."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield from _in_model(kind, value, path)
        return
    inner = get_args(kind)
    if get_origin(kind) is dict and isinstance(value, Mapping):
        for name, member in value.items():
            yield from _in_type(inner[1], member, (*path, name))
    elif get_origin(kind) in (list, tuple) and isinstance(value, tuple):
        for index, member in enumerate(value):
            yield from _in_type(inner[0], member, (*path, index))
    else:
        branches = [branch for branch in inner if _has_model(branch)]
        fits = [dict(_in_type(branch, value, path)) for branch in branches]
        if fits:
            yield from min(fits, key=len).items()  # a union: the branch that fits best


def _has_model(kind: Any) -> bool:
    if isinstance(kind, type) and get_origin(kind) is None:
        return issubclass(kind, BaseModel)
    return any(_has_model(argument) for argument in get_args(kind))
