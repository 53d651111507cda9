# SPDX-License-Identifier: LGPL-3.0-or-later
"""Values that are judged under a condition only; under any other they may be anything.

flux-core reads some keys only when a module starts, or only while a plugin is loaded.  A live
change of such a key passes, whatever it is, and is met at the next start.  A field says so in its
type: `Annotated[str, AT_START]`.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from pydantic import (
    GetJsonSchemaHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticUseDefault

from participant.module import Module, StagedSettings
from participant.settings.field import RESTART
from participant.settings.layers import Merged
from protocol.configuration import Configuration
from protocol.reasons import Refusal

START: Final = "start"

_holding: ContextVar[frozenset[str]] = ContextVar("_holding", default=frozenset())


@dataclass(frozen=True, slots=True)
class _OnlyWhen(WrapValidator):
    """Says in the schema what takes effect only when the module is loaded."""

    restart: bool = False

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        described = handler(core)
        return {**described, RESTART: True} if self.restart else described


def only_when(condition: str) -> WrapValidator:
    """For Annotated, outermost, on a field with a default: judged only while `condition` holds.

    Otherwise a value that would be refused counts as the field's default.
    """

    def read(value: Any, inner: ValidatorFunctionWrapHandler) -> Any:
        try:
            return inner(value)
        except ValidationError:
            if condition in _holding.get():
                raise
            raise PydanticUseDefault from None

    return _OnlyWhen(read, restart=condition == START)


AT_START = only_when(START)


class ConditionalModule(Module):
    """A module with fields that are judged under conditions."""

    start_matters = True

    def conditions(self, config: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        """What holds for a candidate, which is all of `config`; START until the first commit."""
        return frozenset({START}) if self.starting else frozenset()

    def weigh(self, candidate: Configuration, merged: Merged) -> StagedSettings | Refusal:
        """Under this module's conditions."""
        before = _holding.set(self.conditions(merged.whole))
        try:
            return super().weigh(candidate, merged)
        finally:
            _holding.reset(before)
