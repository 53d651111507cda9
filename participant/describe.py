# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a module tells about itself: in Join, and to `flux modinfo`."""

import json
from typing import Any

from participant.module import Module
from protocol import limits
from protocol.documents import Description


def description(module: type[Module]) -> Description:
    """Purpose, version, tables, the JSON Schema of `Config`, and where secrets are."""
    owned = module.owned()
    return Description(
        purpose=module.purpose(),
        version=module.version,
        tables=list(owned.names),
        single=owned.single,
        schema=dict(module.schema()),
        services=list(module.services),
        secrets=[[str(step) for step in path] for path in module.secret_places()],
    )


def describe(module: type[Module]) -> str:
    """The description as it travels, without all but `secrets` where it would be too long."""
    told = description(module)
    text = _text(told)
    if len(text) <= limits.DESCRIPTION_BYTES:
        return text
    return _text({"secrets": told["secrets"]}) if told["secrets"] else "{}"


def _text(value: Any) -> str:
    return json.dumps(value, default=str, separators=(",", ":"))
