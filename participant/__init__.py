"""The side that is asked: what authors of modules import, and the machine that votes for them.

The names are looked up when they are used (PEP 562): a broker that only wants to know where a
module's file is does not pay for pydantic.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from participant.attachment import Attachment, attach
    from participant.field import Field
    from participant.fields import ByteSize, Hostlist, IdSet, PathText
    from participant.fsd_field import FSD
    from participant.module import Module, Reject, Rejects

_HOMES = {
    "Attachment": "participant.attachment",
    "ByteSize": "participant.fields",
    "FSD": "participant.fsd_field",
    "Field": "participant.field",
    "Hostlist": "participant.fields",
    "IdSet": "participant.fields",
    "Module": "participant.module",
    "PathText": "participant.fields",
    "Reject": "participant.module",
    "Rejects": "participant.module",
    "attach": "participant.attachment",
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
    "attach",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
