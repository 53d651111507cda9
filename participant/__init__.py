# SPDX-License-Identifier: LGPL-3.0-or-later
"""The side that is asked: what authors of modules import, and the machine that votes for them.

The names in `__all__` are for authors; all else is ours, and may change.

The names are looked up when they are used (PEP 562): a broker that only wants to know where a
module's file is does not pay for pydantic.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from participant.module import Module, Reject, Rejects
    from participant.runtime.attachment import Attachment, attach
    from participant.settings.field import Field
    from participant.settings.model import Settings
    from participant.settings.types import FSD, ByteSize, Hostlist, IdSet, PathText
    from participant.stale import StaleConfiguration

_HOMES = {
    "Attachment": "participant.runtime.attachment",
    "ByteSize": "participant.settings.types",
    "FSD": "participant.settings.types",
    "Field": "participant.settings.field",
    "Hostlist": "participant.settings.types",
    "IdSet": "participant.settings.types",
    "Module": "participant.module",
    "PathText": "participant.settings.types",
    "Reject": "participant.module",
    "Rejects": "participant.module",
    "Settings": "participant.settings.model",
    "StaleConfiguration": "participant.stale",
    "attach": "participant.runtime.attachment",
}

__all__ = [
    "FSD",
    "Attachment",
    "ByteSize",
    "Field",
    "Hostlist",
    "IdSet",
    "Module",
    "PathText",
    "Reject",
    "Rejects",
    "Settings",
    "StaleConfiguration",
    "attach",
]


if not TYPE_CHECKING:  # a type checker would take any name for one that is there

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)
