# SPDX-License-Identifier: LGPL-3.0-or-later
"""`Field`: how an author declares one setting, with what pydantic knows and what Flux adds.

It returns Any, so that `period: FSD = Field("2s")` is a sentence that type checkers accept: the
default is written as in TOML and becomes seconds like any other value.
"""

from typing import Any, Final

import pydantic
from pydantic_core import PydanticUndefined

RESTART: Final = "x-restart"
"""The word in JSON Schema that marks what takes effect only when a module is loaded."""

SECRET: Final = "x-secret"
"""The word in JSON Schema that marks what is shown to nobody."""


def Field(
    default: Any = PydanticUndefined,
    *,
    description: str = "",
    restart: bool = False,
    secret: bool = False,
    **constraints: Any,
) -> Any:
    """One setting: its default as it would stand in TOML (none: the key is required).

    `description` is what `flux modinfo` shows.  With `restart` a new value takes effect when the
    module is loaded the next time, and until then `self.config` keeps the one of the last time.
    With `secret` its value is shown to nobody: docs/modules.md says what is promised.
    `constraints` are those of pydantic.Field (ge, le, min_length, pattern, default_factory, …).
    """
    marks: dict[str, Any] = {
        word: True for word, is_so in ((RESTART, restart), (SECRET, secret)) if is_so
    }
    if secret:
        constraints["repr"] = False
    field: Any = pydantic.Field(
        default,
        description=description or None,
        json_schema_extra=marks or None,
        **constraints,
    )
    return field
