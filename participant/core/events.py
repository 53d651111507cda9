# SPDX-License-Identifier: LGPL-3.0-or-later
"""What can happen to a participant."""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from protocol.messages import (
    FromCoordinator,
)
from protocol.reasons import Reason


@dataclass(frozen=True, slots=True)
class Connected:
    """The link to a coordinator is up; nothing has been said on it yet."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The link is gone, and with it whatever was under way on it."""


class Heard(NamedTuple):
    """The coordinator said something."""

    message: FromCoordinator


class Judged(NamedTuple):
    """The module has looked at the candidate of the last Validate; no reasons means yes."""

    reasons: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()


class Finished(NamedTuple):
    """The module has been through the commit of the last Apply; no reasons means it worked."""

    reasons: tuple[Reason, ...] = ()
    report: str = "{}"
    """What the module tells of its values now, as in Applied."""


class Shown(NamedTuple):
    """The answer to Show."""

    ticket: int
    text: str


Event: TypeAlias = Connected | Cut | Heard | Judged | Finished | Shown
