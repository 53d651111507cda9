# SPDX-License-Identifier: LGPL-3.0-or-later
"""Membership and supervision: joins, admissions, deaths, restarts.

A participant counts once it has applied what is in force, not before.  A process of ours is
restarted when it dies, after a back-off, until it has died too often; an attached participant that
is gone is forgotten until it joins again.
"""

import math

from coordinator.core.decisions import Durable
from coordinator.core.effects import Kill, RecordAttached, Send, StartProcess, Watch
from coordinator.core.events import Started
from coordinator.core.members import Admission, Early, Member, MemberInput, MemberState, Offered
from coordinator.core.operation import Operation
from coordinator.core.requests import Spec
from coordinator.core.state import SharedState
from protocol import limits
from protocol.messages import Abort, Applied, Join, Leave, Refuse
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason


class Membership:
    """What becomes of members, whichever operation runs; the operation is told of it, too."""

    def __init__(self, shared: SharedState) -> None:
        self.shared = shared
        self.outbox = shared.outbox
        self.members = shared.members

    # Joins and admissions

    def join(self, peer: bytes, message: Join, operation: Operation) -> None:
        """A participant introduces itself on a new connection."""
        expected = self.members.get(message.name)
        if expected is not None and expected.ticket and not expected.pid:
            self._wait_for_report(expected, Early(peer, message))
            return
        why_not = self._why_not(peer, message)
        if why_not:
            self.outbox.emit(Send((peer,), Refuse(*self.shared.authority, why_not)))
            self.outbox.log("refuse", module=message.name, why=why_not)
            return
        member = self.members.get(message.name)
        if member is None:
            member = self._welcome(message)
        elif member.state is MemberState.LEAVING:
            pass  # in its new life, too: the operation that removes it waits for its death
        elif member.incarnation and member.incarnation != message.incarnation:
            operation.lost(member, "ended one life and began another", dead=True)
        elif member.peer is not None:
            operation.lost(member, "lost its connection", dead=False)
        self._take_in(member, peer, message)
        if member.state is MemberState.LEAVING:
            self.shared.dismiss(member, "removed")
            return
        if message.ledger in ("", self.shared.ledger):
            self._resolve(member, message.in_doubt, operation)
        else:
            self._take_over(member, message)
        self.members.admit_to(member, Admission.WAITING)
        operation.joined(member)

    def _why_not(self, peer: bytes, message: Join) -> str:
        if message.ledger == self.shared.ledger and message.epoch > self.shared.epoch:
            return (
                f"it has obeyed epoch {message.epoch} of this ledger, and this is epoch "
                f"{self.shared.epoch}: the ledger is an older copy of the one it knows; restore "
                "the newer one, or move this one away to start afresh from the files"
            )
        speaker = self.members.at(peer)
        if speaker is not None and speaker.name != message.name:
            return f"this connection is that of {speaker.name}"
        member = self.members.get(message.name)
        if member is None:
            return "" if len(self.members) < limits.MEMBERS else "too many members"
        if not member.attached and not member.pid:
            return f"the name {message.name} is taken by a module that is {member.state}"
        if member.pid != message.pid:
            return f"the name {message.name} is taken by process {member.pid}"
        return ""

    def _wait_for_report(self, member: Member, early: Early) -> None:
        """Its process is being started, and only the report of that will tell whether it is this.

        Of two that claim to be it the later one counts; the other one tries again.
        """
        if member.early is not None and member.early.peer != early.peer:
            self._refuse_early(member, f"the name {member.name} has joined on another connection")
        member.early = early

    def _refuse_early(self, member: Member, why: str) -> None:
        """Whoever was early hears that it will not be taken up: it would wait for ever."""
        early, member.early = member.early, None
        if early is not None:
            self.outbox.emit(Send((early.peer,), Refuse(*self.shared.authority, why)))

    def _welcome(self, message: Join) -> Member:
        member = Member(message.name, MemberState.JOINING, self.shared.now, pid=message.pid)
        member.ticket = self.shared.next_ticket()
        self.outbox.emit(Watch(message.name, message.pid, member.ticket))
        return self.members.add(member)

    def _take_in(self, member: Member, peer: bytes, message: Join) -> None:
        if member.peer is not None and member.peer != peer:
            # Of two connections the later one counts.  Should it be the older one's Join that was
            # late, the participant that is still there hears of it here, and joins again.
            why = f"the name {member.name} has joined on another connection"
            self.outbox.emit(Send((member.peer,), Refuse(*self.shared.authority, why)))
        self.members.connect(member, peer)
        member.incarnation, member.session = message.incarnation, message.session
        member.generation, member.digest = message.generation, message.digest
        member.description, member.heard_at = message.description, self.shared.now
        if member.state is not MemberState.LEAVING:
            member.become(MemberState.JOINING, MemberInput.JOIN, self.shared.now)
        self.outbox.log(
            "join",
            module=member.name,
            pid=member.pid,
            generation=member.generation,
            in_doubt=message.in_doubt,
        )

    def _resolve(self, member: Member, in_doubt: str | None, operation: Operation) -> None:
        """Answer its doubt from the ledger; no decision there means abort (presumed abort)."""
        if in_doubt is None or operation.will_decide(in_doubt):
            return
        receipt = self.shared.decided.get(in_doubt)
        if receipt:
            self.outbox.tell_commit([member], receipt)
            member.told = receipt.generation  # this life is in doubt of it, so it will answer
        else:
            self.outbox.send([member], Abort(*self.shared.authority, in_doubt))

    def _take_over(self, member: Member, message: Join) -> None:
        """It comes from another ledger, and will be ours with the Admit that it gets.

        What it is in doubt about is not ours to decide, and is released by that Admit; its
        generation is a number of that other ledger.
        """
        member.generation = 0
        self.outbox.log(
            "take over", module=member.name, ledger=message.ledger, in_doubt=message.in_doubt
        )

    def admit_waiting(self) -> None:
        """Send Admit to all that wait for it."""
        if self.shared.running is None:
            return
        for member in self.members.waiting():
            self.shared.admit(member)

    # Applied

    def applied(self, member: Member, message: Applied, operation: Operation) -> None:
        """The answer to an Admit, or to a Commit.

        | answers     | ok, what is in force | ok, an older generation | not ok                   |
        |-------------|----------------------|-------------------------|--------------------------|
        | an Admit    | settles              | is offered the new one  | declines; broke (values) |
        | a Commit    | settles              | (another is on its way) | broke                    |

        Whoever claims the number in force with another digest is taken not to be ok.  To values it
        has said yes before it is given them.  Whoever came back in doubt is told Commit, and then
        offered the same generation, and answers both in that order.  It runs it with the first
        answer; with the second it may decline: its values may be others than those it voted with.
        """
        running = self.shared.running
        assert running is not None, "nobody has been told Commit or Admit before the first commit"
        message = _checked(member, message, running)
        if message.ok and message.generation == running.generation:
            member.generation, member.digest = message.generation, message.digest
            member.report = message.report
            for warning in message.warnings:
                self.outbox.log("warning", module=member.name, warning=str(warning))
        committed = self._answers_commit(member, message)
        admitted = not committed and self._answers_offer(member, message, running)
        said_yes = member.state is MemberState.RUNNING and member.runtime_untried
        if not message.ok and admitted and not said_yes:
            self._declined(member, message.reasons, operation)
            return
        operation.applied(member, message)
        if not message.ok:
            self._broke(member, message.reasons)
        elif member.generation == running.generation:
            self._settle(member, operation)

    def _answers_commit(self, member: Member, message: Applied) -> bool:
        """True if this answers a Commit."""
        if not member.told or message.generation < member.told:
            return False
        answers, member.told = message.generation == member.told, 0
        return answers

    def _answers_offer(self, member: Member, message: Applied, running: Durable) -> bool:
        """True if this answers an Admit; one overtaken by a newer generation is offered that."""
        offered = member.admission
        if not isinstance(offered, Offered) or message.generation < offered.generation:
            return False
        overtaken = offered.generation < running.generation
        self.members.admit_to(member, Admission.WAITING if overtaken else Admission.NONE)
        return True

    def _settle(self, member: Member, operation: Operation) -> None:
        # An attached one that has failed may have been offered what is in force all the same: it
        # broke over what was decided before, while the next decision was forced.
        recovers = member.state is MemberState.FAILED and member.attached
        if not recovers and member.state not in (MemberState.JOINING, MemberState.REFUSED):
            return
        member.become(MemberState.RUNNING, MemberInput.APPLIED, self.shared.now)
        member.why, member.explained, member.replaces = "", False, None
        member.runtime_untried = False
        member.patience = limits.PREPARE_SECONDS
        self.outbox.log("member", module=member.name, generation=member.generation)
        if member.attached:
            self.outbox.emit(RecordAttached(member.name, present=True))
        operation.settled(member)

    def _declined(self, member: Member, reasons: tuple[Reason, ...], operation: Operation) -> None:
        member.explain(reasons[0].message if reasons else "declined without a reason")
        self.outbox.log("declined", module=member.name, why=member.why)
        if operation.declined(member, reasons):
            return
        if not member.attached:
            self.outbox.emit(Kill(member.name, member.ticket))
        elif member.state is not MemberState.LEAVING:
            member.become(MemberState.REFUSED, MemberInput.DECLINED, self.shared.now)
            self.outbox.emit(RecordAttached(member.name, present=False))

    def _broke(self, member: Member, reasons: tuple[Reason, ...]) -> None:
        """It failed in commit, against its contract: ours is restarted, another has failed."""
        why = reasons[0].message if reasons else "no reason given"
        member.explain(f"failed in commit: {why}")
        self.outbox.log("broke", module=member.name, why=member.why)
        if member.state in (MemberState.FAILED, MemberState.LEAVING):
            return  # it is out already
        if member.attached:
            member.become(MemberState.FAILED, MemberInput.BROKE, self.shared.now)
        else:
            self.shared.replace_process(member)

    # Leaves, deaths, losses

    def left(self, member: Member, message: Leave, operation: Operation) -> None:
        """It leaves.  A child stays on the list until it has been reaped."""
        if message.reasons:
            member.explain(message.reasons[0].message)
        operation.left(member, message.reasons)
        if member.attached:
            operation.lost(member, "left", dead=True)
            self.forget(member)

    def died(self, name: str, ticket: int, how: str, operation: Operation) -> None:
        """A process has ended, or could not be started."""
        member = self.members.get(name)
        if member is None or member.ticket != ticket:
            return
        self.outbox.log("died", module=name, pid=member.pid, how=how)
        self._refuse_early(
            member, f"the process of {name} that was started is another one, and {how}"
        )
        self.members.disconnect(member)
        member.incarnation = ""
        claimed = operation.lost(member, f"died ({how})", dead=True)
        if member.attached or member.state is MemberState.LEAVING:
            self.forget(member)
        elif not claimed:
            self._restart_later(member, how)

    def unreachable(self, peer: bytes, operation: Operation) -> None:
        """A connection is gone; the process may live, and join again."""
        member = self.members.at(peer)
        if member is None:
            return
        self.outbox.log("cut", module=member.name)
        self.members.disconnect(member)
        operation.lost(member, "lost its connection", dead=False)
        if member.state in (MemberState.RUNNING, MemberState.REFUSED):
            member.become(MemberState.JOINING, MemberInput.CUT, self.shared.now)
            self.shared.expect(member)

    def kill(self, member: Member) -> None:
        """Wait for one of ours no longer; whatever waits for its answer hears of its death."""
        self.outbox.log("cancel", module=member.name)
        if member.ticket:
            self.outbox.emit(Kill(member.name, member.ticket))

    def cast_off(self, member: Member, operation: Operation) -> None:
        """Wait for an attached one no longer: it is told to go, and counts as dead from now on."""
        self.outbox.log("cancel", module=member.name)
        why = "removed by `flux module remove --cancel`"
        self.shared.dismiss(member, why)
        self.members.disconnect(member)
        operation.lost(member, "was removed", dead=True)
        self.forget(member)

    def forget(self, member: Member) -> None:
        """Take it off the list."""
        if member.attached:
            self.outbox.emit(RecordAttached(member.name, present=False))
        self._refuse_early(member, f"{member.name} was removed before its process was known")
        self.members.remove(member)
        if member.replaces is not None:
            self.members.add(member.replaces)

    # Supervision

    def start(self, member: Member) -> None:
        """Start the process of a member of ours anew."""
        member.become(MemberState.STARTING, MemberInput.START, self.shared.now)
        self._start_process(member)

    def _start_process(self, member: Member) -> None:
        assert member.spec is not None
        member.ticket, member.pid = self.shared.next_ticket(), 0
        member.incarnation, member.explained = "", False
        self._refuse_early(member, f"another process of {member.name} is started")
        self.shared.expect(member)
        self.outbox.emit(StartProcess(member.name, member.spec, member.ticket))

    def started(self, event: Started, operation: Operation) -> None:
        """The process of a start runs.  It is killed where that start was given up meanwhile."""
        member = self.members.get(event.name)
        if member is None or member.ticket != event.ticket:
            self.outbox.emit(Kill(event.name, event.ticket))
            return
        member.pid = event.pid
        if member.state is MemberState.LEAVING:
            self.outbox.emit(Kill(event.name, event.ticket))
        early, member.early = member.early, None
        if early is not None:
            self.join(early.peer, early.message, operation)

    def let_go(self, member: Member, why: str) -> None:
        """No process of it is waited for any more; whoever was early hears why."""
        member.ticket, member.pid = 0, 0
        self._refuse_early(member, why)

    def start_afresh(self, member: Member) -> None:
        """Start a member of ours at once, as if nothing had been wrong with it."""
        member.why, member.patience = "", limits.PREPARE_SECONDS
        self.start(member)

    def add_ours(self, name: str, spec: Spec) -> Member:
        """A new member of ours, starting; the deadline is that of the operation."""
        member = self.members.add(Member(name, MemberState.STARTING, self.shared.now, spec=spec))
        member.patience = math.inf
        self._start_process(member)
        return member

    def _restart_later(self, member: Member, how: str) -> None:
        now = self.shared.now
        member.deaths = [until for until in member.deaths if now < until]
        member.deaths.append(now + limits.RESTART_WINDOW_SECONDS)
        member.ticket, member.pid = 0, 0
        if not member.explained:
            member.why = how
        count = len(member.deaths)
        if count >= limits.RESTART_DEATHS:
            member.become(MemberState.FAILED, MemberInput.DIED_TOO_OFTEN, now)
            window = f"{limits.RESTART_WINDOW_SECONDS:g} s"
            member.why = f"died {count} times within {window}, last: {member.why}"
            self.outbox.log("failed", module=member.name, why=member.why)
            return
        pause = min(limits.RESTART_FIRST_SECONDS * 2 ** (count - 1), limits.RESTART_LONGEST_SECONDS)
        member.become(MemberState.RESTARTING, MemberInput.DIED, now)
        member.restarts += 1
        member.deadline = now + pause
        self.outbox.wake(member.deadline)
        self.outbox.log("restart", module=member.name, after=pause, deaths=count)

    def time_passed(self) -> None:
        """Restart members whose back-off has elapsed; give up on those that are late."""
        for member in self.members:
            if member.deadline is None or self.shared.now < member.deadline:
                continue
            member.deadline = None
            if member.state is MemberState.RESTARTING:
                self.start(member)
            elif not member.attached:
                why = f"did not get to {MemberState.RUNNING} from {member.state} in time"
                member.explain(why)
                self.outbox.log("impatient", module=member.name, why=why)
                self.outbox.emit(Kill(member.name, member.ticket))
            else:
                self.outbox.log("impatient", module=member.name)
                self.outbox.send(
                    [member],
                    Refuse(*self.shared.authority, "no answer to Admit in time"),
                )
                self.forget(member)


def _checked(member: Member, message: Applied, running: Durable) -> Applied:
    """The message, or a failure where it claims another content for what is in force."""
    if not message.ok or message.generation != running.generation:
        return message
    if message.digest == running.configuration.digest:
        return message
    wrong = "applied something that is not this generation"
    why = Reason(member.name, wrong, code=ReasonCode.FAULT)
    return message._replace(ok=False, reasons=(why,))
