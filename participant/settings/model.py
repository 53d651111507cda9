# SPDX-License-Identifier: LGPL-3.0-or-later
"""From a table of the configuration to an author's typed settings, with *all* errors at once.

pydantic does the work; this file gives it Flux's manners: kebab-case keys, TOML types taken
literally (8.0 is no integer, "8" and true neither), and errors as reasons with dotted keys.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema

from participant.settings.natural import read_from_toml
from participant.settings.schema import Schema, members, node_at, resolved, schema_of
from participant.settings.secrets import secret_paths
from participant.settings.soundness import mistakes
from participant.settings.words import Complaint, any_of, complaint, shown_value
from protocol.keys import Path
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason, Refusal
from protocol.secrets import at

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
        arbitrary_types_allowed=True,  # refused with the field's name when the module is loaded
    )

    _reads_toml: ClassVar[bool] = True

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        made: Any = handler(source)
        read_from_toml(made, handler.resolve_ref_schema)
        schema: CoreSchema = made
        return schema


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
        faults = error.errors(include_url=False, include_input=False)
        return Refusal(tuple(_reasons(model, faults, value, where, module)))
    if not isinstance(settings, model):
        kind = type(settings).__name__
        why = f"a validator of {model.__qualname__} returned a {kind}; it must return self"
        return Refusal((Reason(module, why, key=where, code=ReasonCode.FAULT),))
    unmeant = [Reason(module, why, key=(*where, *path)) for path, why in mistakes(settings)]
    return Refusal(tuple(unmeant)) if unmeant else settings


def _reasons(
    model: type[BaseModel],
    faults: list["ErrorDetails"],
    value: Any,
    where: Path,
    module: str,
) -> Iterator[Reason]:
    """One reason for each key; in words that cannot contain the value, where that is secret."""
    schema, secrets = schema_of(model), secret_paths(model)
    said: dict[Path, list[Complaint]] = {}
    unknown: set[Path] = set()
    for fault in faults:
        key = _key(schema, fault, value)
        told = _complaint(schema, fault, key, value)
        if at(secrets, key):
            told = told.without_value() or Complaint(_SECRET)
        said.setdefault(key, []).append(told)
        if fault["type"] == "extra_forbidden":
            unknown.add(key)
    for key, complaints in said.items():
        code = ReasonCode.UNKNOWN_KEY if key in unknown else ReasonCode.INVALID
        yield Reason(module, any_of(complaints), key=(*where, *key), code=code)


_SECRET = "is not accepted (it is a secret, so why is not said)"


def _complaint(schema: Schema, fault: "ErrorDetails", key: Path, value: Any) -> Complaint:
    kind, context = fault["type"], fault.get("ctx", {})
    for step in key:
        value = value[step] if _leads_on(value, step) else None
    if fault["loc"][-1:] == ("[key]",):
        told = complaint(kind, fault["msg"], context, key[-1])
        if told.must:
            told = told._replace(got=shown_value(key[-1]))
        return Complaint(f"is no key here: it {told}")
    node = resolved(schema, node_at(schema, key))
    if kind == "missing" and isinstance(value, list):  # pydantic's word for a short tuple
        return Complaint(must=f"have {node.get('minItems', 'more')} elements", got=str(len(value)))
    return complaint(kind, fault["msg"], context, value, str(node.get("format", "")))


def _key(schema: Schema, fault: "ErrorDetails", value: Any) -> Path:
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
        elif not (last and isinstance(value, dict) and _is_declared(schema, path, step)):
            continue
        path.append(step)
    if fault["type"].startswith("union_tag_"):  # it is about the key that tells the branches apart
        path.append(str(fault.get("ctx", {}).get("discriminator", "")).strip("'"))
    return tuple(path)


def _leads_on(value: Any, step: int | str) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


def _is_declared(schema: Schema, path: list[int | str], step: int | str) -> bool:
    """Returns True if the table at `path` has such a key, though it is not there now."""
    return step in dict(members(schema, node_at(schema, tuple(path))))
