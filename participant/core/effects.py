# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a participant wants done, as data."""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from protocol.configuration import Configuration
from protocol.messages import (
    Admit,
    Arguments,
    Commit,
    FromParticipant,
    Question,
)


class Tell(NamedTuple):
    """Send this to the coordinator."""

    message: FromParticipant


class Validate(NamedTuple):
    """Let the module look at this; the answer comes as Judged."""

    candidate: Configuration
    arguments: Arguments
    """Values for this module alone, to go over those of the candidate."""
    allowed: float
    """Seconds that the coordinator waits for the answer."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody waits for the answer to the last Validate: it may be cut short.  Judged comes."""


class Apply(NamedTuple):
    """Take what was validated last into use, by authority of this message; answer Finished."""

    authority: Commit | Admit


@dataclass(frozen=True, slots=True)
class Release:
    """Throw away what was validated last."""


class Quit(NamedTuple):
    """The coordinator wants us gone (`wanted`) or will not have us; `why` is for people."""

    why: str
    wanted: bool


class Show(NamedTuple):
    """Let the module tell what is asked; the answer comes as Shown."""

    ticket: int
    question: Question = Question.STATS


Effect: TypeAlias = Tell | Validate | Cancel | Apply | Release | Quit | Show
