# SPDX-License-Identifier: LGPL-3.0-or-later
"""What kind of objection a reason is, in one stable word that a script can act on.

The message is for people, and may be worded better in the next release; the code stays.  A code may
be added, none is renamed or given another meaning.  docs/json.md has the table.
"""

from enum import StrEnum


class ReasonCode(StrEnum):
    """Why something was refused, has failed, or is doubtful."""

    # What the configuration says
    INVALID = "invalid"
    """A module does not accept it; the default, and so the code of all that an author raises."""
    UNKNOWN_KEY = "unknown-key"
    """Nobody reads this key or table."""
    START_ONLY = "start-only"
    """Accepted now, but the next start would refuse it."""
    SYNTAX = "syntax"
    """The text is no TOML or no JSON, or holds what no configuration can."""
    UNREADABLE = "unreadable"
    """A file cannot be read."""
    TOO_LARGE = "too-large"
    """It is longer, or more, than a limit allows."""
    CUT = "cut"
    """More reasons were given than are kept."""

    # What becomes of those who are asked
    TIMEOUT = "timeout"
    """No answer, or no end of the work, within the time allowed."""
    HUNG = "hung"
    """It was not even asked: it still owes the answer to an earlier question."""
    DIED = "died"
    """Its process, or its connection, ended while it was needed."""
    FAILED_MEMBER = "failed-member"
    """A member was given up before, or is not there, and nothing goes past it."""
    FAULT = "fault"
    """The module's own code went wrong: it raised, or answered with something else."""
    UNLOADABLE = "unloadable"
    """The module cannot be loaded."""
    NOT_APPLIED = "not-applied"
    """It does not run what is in force."""
    CHECK = "check"
    """A check, a command of the site's own, said no."""
    NOT_ASKED = "not-asked"
    """Somebody who should have been asked was not, so this says less than it might."""

    # What stands in the way
    STALE_GENERATION = "stale-generation"
    """Another generation is in force than the one it was meant for."""
    UNCONFIRMED = "unconfirmed"
    """What is in force has to be confirmed or undone before."""
    CONFLICT = "conflict"
    """The state of what it is about does not allow it, as a module that is loaded already."""
    NOT_FOUND = "not-found"
    """There is no such generation, module, key or attribute."""
    WITHDRAWN = "withdrawn"
    """The client went away before the decision."""
    INTERRUPTED = "interrupted"
    """The command was interrupted."""
    STOPPING = "stopping"
    """The broker is stopping."""
    BUSY = "busy"
    """Too many others are waiting or connected; try again later."""
    DISK = "disk"
    """The ledger could not be read or written, or its disk has not answered."""

    # What keeps a command from being heard
    NOT_OWNER = "not-owner"
    """Only the owner of the broker may do, or see, this."""
    BAD_REQUEST = "bad-request"
    """The request makes no sense."""
    USAGE = "usage"
    """The command line makes no sense."""
    NO_BROKER = "no-broker"
    """There is no broker to talk to, or it cannot be reached."""
    NOT_FLUX_ACCORD = "not-flux-accord"
    """Something else answers where the broker should be."""
    NO_ANSWER = "no-answer"
    """The broker got the request and did not answer; nobody knows what became of it."""
