# SPDX-License-Identifier: LGPL-3.0-or-later
"""The JSON texts that travel inside messages: what they hold, for whoever reads or writes them.

A reader takes every member for optional, and for a lie: a participant wrote it.  `docs/modules.md`
shows an example of each.
"""

from typing import Any, NotRequired, TypeAlias, TypedDict


class Description(TypedDict):
    """`Join.description`: what the module is for, and what it can be told.

    Where it would be longer than limits.DESCRIPTION_BYTES only `secrets` is left.
    """

    purpose: str
    """The first line of the class's docstring."""
    version: str
    """The author's; may be empty."""
    tables: list[str]
    """The tables of the configuration that the module owns."""
    single: bool
    """`schema` describes the one table; else it has a property for each table."""
    schema: dict[str, Any]
    """JSON Schema (2020-12) with `x-restart` and `x-secret`, and no secret in a default."""
    services: list[str]
    """What it stands for beside its own name, for `flux module list`."""
    secrets: list[list[str]]
    """Paths from the root of the configuration, "*" for any key or index: protocol/secrets.py."""


class ReportedValue(TypedDict):
    """One setting as the module goes by it."""

    value: Any
    """As in TOML; null where there is none, `********` in the place of a secret."""
    origin: str
    """`default`, `configuration`, `load argument`, `environment variable NAME` or a command."""
    pending: NotRequired["ReportedValue"]
    """What waits for the module to be loaded again."""
    cut: NotRequired[bool]
    """The value was too long to be told, and is null here."""


class ValueReport(TypedDict):
    """`Applied.report`: the values in force; at most limits.REPORT_LENGTH characters."""

    values: dict[str, ReportedValue]
    """By dotted key, as in load arguments, in the order of the author's `Config`."""
    cut: NotRequired[bool]
    """Something was left out for its length."""


Stats: TypeAlias = dict[str, Any]
"""`Report.text`: what the author's `stats` returned; `{"error": TEXT}` where that failed."""
