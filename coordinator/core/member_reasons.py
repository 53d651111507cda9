# SPDX-License-Identifier: LGPL-3.0-or-later
"""What is said of members that hold a change up, or do not run what is in force."""

from coordinator.core.members import Member, MemberState
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason


def has_failed(member: Member) -> Reason:
    """It has been given up, and a change that goes forward does not go past it."""
    advice = f"`flux module load` or `flux module remove {member.name}` takes it out of the way"
    why = f"has failed{_because(member)}; {advice}"
    return Reason(member.name, why, code=ReasonCode.FAILED_MEMBER)


def is_unsettled(member: Member, allowed: str) -> Reason:
    """It was on its way all the time that was allowed (text, with unit)."""
    why = f"is still {member.state} after {allowed}{_because(member)}"
    return Reason(member.name, why, code=ReasonCode.TIMEOUT)


def is_late(member: Member, txid: str, allowed: str, now: float) -> Reason:
    """It was asked about `txid` and has not answered."""
    if member.owes == txid or member.owes is None:
        return Reason(member.name, f"did not answer within {allowed}", code=ReasonCode.TIMEOUT)
    since = f"{now - member.owes_since:.1f} s"
    why = f"did not answer; it still owes a vote on {member.owes}, {since} old"
    return Reason(member.name, why, code=ReasonCode.HUNG)


def is_behind(member: Member, generation: int) -> Reason:
    """It does not run what is in force."""
    if member.state is MemberState.RUNNING:
        why = f"has not applied generation {generation} yet"
    else:
        why = f"does not run generation {generation}: it is {member.state}{_because(member)}"
    return Reason(member.name, why, code=ReasonCode.NOT_APPLIED)


def is_refused(member: Member, generation: int) -> Reason:
    """Attached, and declined what is in force: it keeps what it runs, and that is its right."""
    why = f"is no member, because it declined generation {generation}{_because(member)}"
    return Reason(member.name, why, code=ReasonCode.NOT_APPLIED)


def _because(member: Member) -> str:
    return f" ({member.why})" if member.why else ""
