# SPDX-License-Identifier: LGPL-3.0-or-later
"""Values that a validator made by mistake: `lambda v: v > 0` gives True, a forgotten return None.

pydantic takes what a validator returns for the value, whatever it is.  So a validator that is
written as a predicate refuses nothing, and the module runs with True in place of a number.
"""

import inspect
import types
import typing
from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel

from protocol.keys import Path


def mistakes(settings: BaseModel) -> Iterator[tuple[Path, str]]:
    """The keys, as they stand in TOML, of values that cannot be meant, and why."""
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        key = field.alias or name
        if isinstance(value, BaseModel):
            yield from (((key, *path), why) for path, why in mistakes(value))
        elif why := _mistake(value, field.annotation, field.default):
            yield (key,), why


_PLAIN = (str, int, float, dict, list)
"""Types of most values, about which nothing is wrong."""


def _mistake(value: object, annotation: Any, default: object) -> str:
    if type(value) in _PLAIN:
        return ""
    if inspect.isawaitable(value) or inspect.isgenerator(value):
        return "a validator of it is asynchronous or a generator, and never runs"
    if value is not None and not isinstance(value, bool):
        return ""
    kind: Any = type(value)
    if value is default or _takes(annotation, kind):
        return ""
    return (
        f"a validator of it returned {value} in place of the value: "
        "it must raise ValueError to refuse, and else return the value"
    )


@cache
def _takes(annotation: Any, kind: Any) -> bool:
    """Returns True if a value of this type may be meant, or nobody can say."""
    origin = typing.get_origin(annotation)
    if isinstance(annotation, typing.TypeVar) or annotation in (Any, object, kind):
        return True
    if origin is typing.Annotated:
        return _takes(typing.get_args(annotation)[0], kind)
    if origin in (typing.Union, types.UnionType):
        return any(_takes(branch, kind) for branch in typing.get_args(annotation))
    if origin is typing.Literal:
        return any(isinstance(value, kind) for value in typing.get_args(annotation))
    if inspect.isclass(annotation):
        return issubclass(kind, annotation) and annotation is not int
    return origin is None and annotation is not None
