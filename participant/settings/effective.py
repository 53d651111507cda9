# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a module goes by right now: values, where each came from, and what waits for a restart.

A key declared with `restart` is read when the module is loaded.  A later value is accepted and
waits (as with PostgreSQL's pending_restart); until the module is loaded anew, `self.config` keeps
the value that it was loaded with.
"""

import json
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel

from participant.settings.field import RESTART
from participant.settings.layers import Merged, Tables
from participant.settings.parameters import Parameter, parameters
from participant.settings.schema import Schema, alternatives, below, schema_of
from protocol import limits
from protocol.documents import ReportedValue, ValueReport
from protocol.keys import format_key
from protocol.secrets import masked

_LONG = 500  # characters of a value that give way first where a report is too long

AnyModel = TypeVar("AnyModel", bound=BaseModel)


@cache
def has_restart(model: type[BaseModel]) -> bool:
    """Returns True if anything in it takes effect only at load."""
    return RESTART in json.dumps(schema_of(model))


def keep_restart_values(new: AnyModel, old: BaseModel, schema: Schema) -> AnyModel:
    """`new`, with the values of `old` for all that takes effect only at load."""
    return _pinned(new, old, schema, schema) if has_restart(type(new)) else new


def _pinned(new: AnyModel, old: BaseModel, root: Schema, node: Any) -> AnyModel:
    changes: dict[str, Any] = {}
    for name, field in type(new).model_fields.items():
        child = below(root, node, field.alias or name)
        before, after = getattr(old, name), getattr(new, name)
        if _at_load(root, child):
            changes[name] = before
        elif isinstance(after, BaseModel) and type(before) is type(after):
            kept = _pinned(after, before, root, child)
            if kept is not after:
                changes[name] = kept
    return new.model_copy(update=changes) if changes else new


def _at_load(root: Schema, node: Any) -> bool:
    here = isinstance(node, dict) and node.get(RESTART) is True
    return here or any(way.get(RESTART) is True for way in alternatives(root, node))


def report(schema: Schema, tables: Tables, now: Merged, loaded: Merged) -> str:
    """The JSON text of a ValueReport: every setting with its value in force and its origin."""
    values = {
        format_key(parameter.key): _entry(parameter, now, loaded)
        for parameter in parameters(schema, tables)
    }
    text = _text(ValueReport(values=values))
    if len(text) <= limits.REPORT_LENGTH:
        return text
    short = {key: _shortened(entry) for key, entry in values.items()}
    text = _text(ValueReport(values=short, cut=True))
    return text if len(text) <= limits.REPORT_LENGTH else _text(ValueReport(values={}, cut=True))


def _entry(parameter: Parameter, now: Merged, loaded: Merged) -> ReportedValue:
    if not parameter.restart:
        return _reported(parameter, now)
    entry = _reported(parameter, loaded)
    if _value(parameter, loaded) != _value(parameter, now):
        entry["pending"] = _reported(parameter, now)
    return entry


def _reported(parameter: Parameter, merged: Merged) -> ReportedValue:
    """A value and its origin, without what is secret in it."""
    value = masked(_value(parameter, merged), parameter.secrets)
    return ReportedValue(value=value, origin=merged.origin_text(parameter.path))


def _value(parameter: Parameter, merged: Merged) -> Any:
    return next(merged.at(parameter.path), parameter.default)


def _shortened(entry: ReportedValue) -> ReportedValue:
    short = entry.copy()
    if "pending" in entry:
        short["pending"] = _shortened(entry["pending"])
    if len(_text(entry["value"])) > _LONG:
        short["value"] = None
        short["cut"] = True
    return short


def _text(value: Any) -> str:
    return json.dumps(value, default=str, separators=(",", ":"))
