# SPDX-License-Identifier: LGPL-3.0-or-later
"""From a table of the configuration to an author's typed settings, with *all* errors at once.

pydantic does the work; this file gives it Flux's manners: kebab-case keys, TOML types taken
literally (8.0 is no integer, "8" and true neither), and errors as reasons with dotted keys.
"""

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from participant.settings.secrets import secret_paths
from participant.settings.soundness import mistakes
from protocol.keys import Path
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason, Refusal
from protocol.secrets import Patterns, at

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class Settings(BaseModel):
    """Base of a module's `Config`: strict types, unknown keys refused, keys in kebab-case.

    A table that Flux reads laxly (unknown keys ignored) sets `model_config = LAX`.
    """

    model_config = ConfigDict(
        alias_generator=_kebab,
        populate_by_name=True,
        extra="forbid",
        strict=True,
        frozen=True,
        validate_default=True,
        hide_input_in_errors=True,
    )


LAX = ConfigDict(extra="ignore")
"""For `model_config`: unknown keys are ignored instead of refused."""

AnySettings = TypeVar("AnySettings", bound=BaseModel)


def read_table(
    model: type[AnySettings], value: Any, where: Path, module: str
) -> AnySettings | Refusal:
    """The settings in `value` (plain dicts and lists), or every reason why they are none."""
    try:
        settings: Any = model.model_validate(value)
    except ValidationError as error:
        return Refusal(
            tuple(
                _reason(module, fault, where, _key(fault, value), secret_paths(model))
                for fault in error.errors(include_url=False, include_input=True)
            )
        )
    if not isinstance(settings, model):
        kind = type(settings).__name__
        why = f"a validator of {model.__qualname__} returned a {kind}; it must return self"
        return Refusal((Reason(module, why, key=where, code=ReasonCode.FAULT),))
    unmeant = [Reason(module, why, key=(*where, *path)) for path, why in mistakes(settings)]
    return Refusal(tuple(unmeant)) if unmeant else settings


def _reason(
    module: str, fault: "ErrorDetails", where: Path, key: Path, secrets: Patterns
) -> Reason:
    """One error of pydantic's; in words that cannot contain the value, where that is secret."""
    secret = fault["type"] not in _NEVER_QUOTE and at(secrets, key)
    message = "is not accepted (it is a secret, so why is not said)" if secret else ""
    unknown = fault["type"] == "extra_forbidden"
    code = ReasonCode.UNKNOWN_KEY if unknown else ReasonCode.INVALID
    return Reason(module, message or _plain_words(fault), key=(*where, *key), code=code)


def _key(fault: "ErrorDetails", value: Any) -> Path:
    """The key that an error is about: pydantic's location, followed through what was read.

    A location also names branches of unions, which are no keys; and what a key is called can only
    be told from the table: there may be a queue named `int`.
    """
    location: tuple[int | str, ...] = fault["loc"]
    path: list[int | str] = []
    for position, step in enumerate(location):
        last = position == len(location) - 1
        if _leads_on(value, step):
            value = value[step]
        elif not (isinstance(value, dict) and last and _is_name(fault, str(step))):
            continue
        path.append(step)
    return tuple(path)


def _leads_on(value: Any, step: int | str) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


def _is_name(fault: "ErrorDetails", step: str) -> bool:
    """Returns True if the last step, which is not in the table, is a key that is missing there."""
    return fault["type"] == "missing" or not (
        step.endswith("]") or "(" in step or step in ("bool", "int", "float", "str")
    )


_KINDS = {
    dict: "a table",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a real number",
}

_WANTED = {
    "bool_type": "a boolean",
    "int_type": "an integer",
    "float_type": "a number",
    "string_type": "a string",
    "list_type": "an array",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


_NEVER_QUOTE = frozenset(
    {
        *_WANTED,
        "missing",
        "extra_forbidden",
        "string_pattern_mismatch",
        "string_too_short",
        "string_too_long",
        "too_short",
        "too_long",
        "greater_than",
        "greater_than_equal",
        "less_than",
        "less_than_equal",
        "multiple_of",
        "enum",
        "literal_error",
    }
)
"""pydantic's errors whose text says what is wanted, and nothing of what was given.

https://docs.pydantic.dev/latest/errors/validation_errors/
"""


def _plain_words(fault: "ErrorDetails") -> str:
    """What pydantic found, in words of the configuration's user rather than of Python's."""
    kind = fault["type"]
    if kind in _WANTED:
        got = _KINDS.get(type(fault.get("input")), "something else")
        return f"must be {_WANTED[kind]}, not {got}"
    if kind == "extra_forbidden":
        return "unknown key"
    if kind == "missing":
        return "is required"
    message = str(fault["msg"])
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
