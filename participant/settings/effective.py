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
from protocol.keys import format_key
from protocol.secrets import masked

_LONG = 500  # characters of a value that give way first where a report is too long

AnyModel = TypeVar("AnyModel", bound=BaseModel)


@cache
def _has_restart(model: type[BaseModel]) -> bool:
    """Whether anything in it takes effect only at load."""
    return RESTART in json.dumps(schema_of(model))


def keep_restart_values(new: AnyModel, old: BaseModel, schema: Schema) -> AnyModel:
    """`new`, with the values of `old` for all that takes effect only at load."""
    return _pinned(new, old, schema, schema) if _has_restart(type(new)) else new


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
    return here or any(one.get(RESTART) is True for one in alternatives(root, node))


def report(schema: Schema, tables: Tables, now: Merged, loaded: Merged) -> str:
    """JSON text: `values` by key, each with value and origin, and `pending` where one waits."""
    values = {
        format_key(parameter.key): _entry(parameter, now, loaded)
        for parameter in parameters(schema, tables)
    }
    text = _text({"values": values})
    if len(text) <= limits.REPORT_LENGTH:
        return text
    short = {key: _shortened(entry) for key, entry in values.items()}
    text = _text({"values": short, "cut": True})
    return text if len(text) <= limits.REPORT_LENGTH else _text({"values": {}, "cut": True})


def _entry(parameter: Parameter, now: Merged, loaded: Merged) -> dict[str, Any]:
    entry = _told(parameter, now)
    if not parameter.restart:
        return _hidden(entry, parameter)
    in_force = _told(parameter, loaded)
    if in_force["value"] == entry["value"]:
        return _hidden(in_force, parameter)
    return {**_hidden(in_force, parameter), "pending": _hidden(entry, parameter)}


def _told(parameter: Parameter, merged: Merged) -> dict[str, Any]:
    value = next(merged.at(parameter.path), parameter.default)
    return {"value": value, "origin": merged.origin_text(parameter.path)}


def _hidden(entry: dict[str, Any], parameter: Parameter) -> dict[str, Any]:
    """What is told of a value, without what is secret in it."""
    return {**entry, "value": masked(entry["value"], parameter.secrets)}


def _shortened(entry: dict[str, Any]) -> dict[str, Any]:
    kept = {word: _shortened(one) if word == "pending" else one for word, one in entry.items()}
    if len(_text(entry["value"])) > _LONG:
        kept["value"] = None
        kept["cut"] = True
    return kept


def _text(value: Any) -> str:
    return json.dumps(value, default=str, separators=(",", ":"))
