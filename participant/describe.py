# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a module tells about itself: in Join, and to `flux modinfo`."""

import json
from typing import Any

from participant.module import Module
from protocol import limits


def description(module: type[Module]) -> dict[str, Any]:
    """Purpose, version, tables and the JSON Schema of `Config`.

    `single`: the schema describes the one table; otherwise it has a property for each table.
    """
    owned = module.owned()
    return {
        "purpose": module.purpose(),
        "version": module.version,
        "tables": list(owned.names),
        "single": owned.single,
        "schema": dict(module.schema()),
    }


def describe(module: type[Module]) -> str:
    """The description as it travels, empty where it would be too long."""
    text = json.dumps(description(module), default=str, separators=(",", ":"))
    return text if len(text) <= limits.DESCRIPTION_BYTES else "{}"
