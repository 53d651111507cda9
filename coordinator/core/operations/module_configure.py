# SPDX-License-Identifier: LGPL-3.0-or-later
"""Runtime values of one module, set and unset: a transaction with one voter.

First it is sent a Prepare, marked as a dry run, of what runs with the new values: a module that
hangs or dies over that has applied nothing, and the client is told so.  Its yes decides.  From then
on the values are part of its record, and it is sent an Admit of the running generation with them,
as it will be whenever its process is restarted.  Nothing is written to the ledger: runtime values
live as long as the module is loaded.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from coordinator.core.members import UNSETTLED, Member, MemberState
from coordinator.core.operations.one_module import ModuleOperation
from coordinator.core.requests import ConfigureRequest, RuntimeValue
from coordinator.core.results import Result
from protocol import limits
from protocol.messages import Applied, Arguments, Prepare, Vote
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason
from protocol.transitions import Transitions


class ConfigurePhase(StrEnum):
    """How far the setting of a module's runtime values has got."""

    WAITING = "waiting"
    """Until the module is settled and owes no other vote."""
    ASKING = "asking"
    """It has been sent Prepare; its vote is awaited."""
    APPLYING = "applying"
    """It said yes, which decides; it has been sent Admit, and its Applied is awaited."""
    CONFIGURED = "configured"
    PARTIAL = "partial"
    """Decided, and not applied."""
    VALID = "valid"
    """A dry run to which it said yes."""
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class ConfigureInput(StrEnum):
    """What moves the setting of runtime values."""

    SAME = "values equal those it has"
    ASK = "asked"
    YES = "yes"
    YES_DRY = "yes (dry run)"
    REFUSE = "a no, a loss, deadline, client gone, broker stopping"
    APPLIED = "applied"
    NOT_APPLIED = "failed, died, deadline, broker stopping"


CONFIGURE: Final[Mapping[tuple[ConfigurePhase, ConfigureInput], ConfigurePhase]] = Transitions(
    {
        (ConfigurePhase.WAITING, ConfigureInput.SAME): ConfigurePhase.UNCHANGED,
        (ConfigurePhase.WAITING, ConfigureInput.ASK): ConfigurePhase.ASKING,
        (ConfigurePhase.WAITING, ConfigureInput.REFUSE): ConfigurePhase.REFUSED,
        (ConfigurePhase.ASKING, ConfigureInput.YES): ConfigurePhase.APPLYING,
        (ConfigurePhase.ASKING, ConfigureInput.YES_DRY): ConfigurePhase.VALID,
        (ConfigurePhase.ASKING, ConfigureInput.REFUSE): ConfigurePhase.REFUSED,
        (ConfigurePhase.APPLYING, ConfigureInput.APPLIED): ConfigurePhase.CONFIGURED,
        (ConfigurePhase.APPLYING, ConfigureInput.NOT_APPLIED): ConfigurePhase.PARTIAL,
    }
)
_UNDECIDED = frozenset({ConfigurePhase.WAITING, ConfigurePhase.ASKING})
_RESULTS: Final = {
    ConfigurePhase.CONFIGURED: Result.CONFIGURED,
    ConfigurePhase.PARTIAL: Result.PARTIAL,
    ConfigurePhase.VALID: Result.VALID,
    ConfigurePhase.UNCHANGED: Result.UNCHANGED,
    ConfigurePhase.REFUSED: Result.REFUSED,
}


class ModuleConfigure(ModuleOperation[ConfigureRequest]):
    """Ask, decide, apply."""

    TABLE = CONFIGURE
    RESULTS = _RESULTS
    START = ConfigurePhase.WAITING
    ENDS = frozenset(_RESULTS)

    def _begin(self) -> None:
        self.txid = self.shared.next_txid()
        member = self.shared.members.get(self.name)
        if member is None:
            self._refuse("is not loaded", ReasonCode.NOT_FOUND)
            return
        self.member = member
        self.runtime: dict[str, RuntimeValue] = changed_runtime(member.runtime, self.request)
        if _values(self.runtime) == _values(member.runtime):
            self._move(ConfigureInput.SAME)
            self._close()
            return
        dry_run = self.request.dry_run
        self.outbox.log("configure", module=self.name, txid=self.txid, dry_run=dry_run)
        self._ask()

    # Asking

    def _ask(self) -> None:
        """Send Prepare once it is settled and owes no other vote."""
        member = self.member
        if member is None or self.phase is not ConfigurePhase.WAITING:
            return
        if member.state in UNSETTLED or (member.owes and member.state is MemberState.RUNNING):
            return
        running = self.shared.running
        if member.state is not MemberState.RUNNING or running is None:
            self._refuse(f"cannot be configured: it is {member.state}", ReasonCode.CONFLICT)
            return
        arguments = member.arguments(self.runtime)
        most = too_much(arguments)
        if most:
            what = f"would have more than {most} arguments and runtime values"
            self._refuse(what, ReasonCode.TOO_LARGE)
            return
        self._move(ConfigureInput.ASK)
        member.owes, member.owes_since = self.txid, self.shared.now
        allowed = max(0.0, self.deadline - self.shared.now)
        configuration = running.configuration
        self.outbox.send(
            [member],
            Prepare(
                *self.shared.authority,
                self.txid,
                running.generation,
                configuration.digest,
                configuration.encoded,
                allowed,
                dry_run=True,
                arguments=arguments,
            ),
        )

    def settled(self, member: Member) -> None:
        if member is self.member:
            self._ask()

    def voted(self, member: Member, vote: Vote) -> None:
        if member is not self.member:
            return
        if self.phase is ConfigurePhase.WAITING:
            self._ask()  # this may be the vote that it owed
        elif self.phase is ConfigurePhase.ASKING and vote.txid == self.txid:
            self._judged(member, vote)

    def _judged(self, member: Member, vote: Vote) -> None:
        self.warnings = vote.warnings
        if not vote.yes:
            self._refuse("refused without a reason", reasons=vote.reasons)
        elif self.request.dry_run:
            self._move(ConfigureInput.YES_DRY)
            self._close()
        else:
            self._decide(member)

    # Applying

    def _decide(self, member: Member) -> None:
        self._move(ConfigureInput.YES)
        member.runtime, member.runtime_untried = self.runtime, True
        self.deadline = self.shared.now + limits.COMMIT_SECONDS
        self.outbox.wake(self.deadline)
        self.outbox.log("configured", module=self.name, txid=self.txid, keys=list(self.runtime))
        self.shared.admit(member)

    def applied(self, member: Member, applied: Applied) -> None:
        if member is not self.member or self.phase is not ConfigurePhase.APPLYING:
            return
        if applied.ok:
            member.runtime_untried = False
            self._move(ConfigureInput.APPLIED)
            self._close()
        else:
            given = applied.reasons[0].message if applied.reasons else "gave no reason"
            code = applied.reasons[0].code if applied.reasons else ReasonCode.NOT_APPLIED
            self._missed(f"accepted the values and failed to apply them: {given}", code)

    # Losses, deadlines, and clients that hang up

    def lost(self, member: Member, why: str, dead: bool) -> bool:
        if member is self.member:
            if self.phase is ConfigurePhase.APPLYING and dead:
                self._missed(f"{why} before it had applied the values", ReasonCode.DIED)
            elif self.phase is ConfigurePhase.ASKING:
                self._refuse(f"{why} while it was asked", ReasonCode.DIED)
        return False

    def left(self, member: Member, reasons: tuple[Reason, ...]) -> None:
        if member is self.member and self.phase in _UNDECIDED:
            self._refuse("left", ReasonCode.DIED, reasons)

    def time_passed(self) -> None:
        if self.shared.now < self.deadline:
            return
        if self.phase is ConfigurePhase.APPLYING:
            assert self.member is not None
            self.shared.replace_process(self.member)
            late = f"did not apply the values within {limits.COMMIT_SECONDS:g} s"
            self._missed(late, ReasonCode.TIMEOUT)
        elif self.phase in _UNDECIDED:
            self._refuse(*self._lateness())

    def _lateness(self) -> tuple[str, ReasonCode]:
        assert self.member is not None
        allowed = f"{self.request.seconds:g} s"
        if self.phase is ConfigurePhase.ASKING:
            return f"did not answer within {allowed}", ReasonCode.TIMEOUT
        if self.member.state in UNSETTLED:
            return f"is still {self.member.state} after {allowed}", ReasonCode.TIMEOUT
        return f"did not answer; it still owes a vote on {self.member.owes}", ReasonCode.HUNG

    def hung_up(self, client: int) -> None:
        if client == self.client:
            self.client = None
            if self.phase in _UNDECIDED:
                self._refuse("the client went away before the decision", ReasonCode.WITHDRAWN)

    def stop(self) -> None:
        if self.phase in _UNDECIDED:
            self._refuse("the broker is stopping", ReasonCode.STOPPING)
        else:
            self._missed("the broker is stopping", ReasonCode.STOPPING)

    def _refuse(
        self,
        why: str,
        code: ReasonCode = ReasonCode.INVALID,
        reasons: tuple[Reason, ...] = (),
    ) -> None:
        """Nothing has changed, for these reasons if there are any, or else for `why`."""
        self._move(ConfigureInput.REFUSE)
        self._close(*(reasons or (Reason(self.name, why, code=code),)))

    def _missed(self, why: str, code: ReasonCode) -> None:
        self._move(ConfigureInput.NOT_APPLIED)
        self._close(Reason(self.name, why, code=code))


def too_much(arguments: Arguments) -> str:
    """Which limit `arguments` exceed, for people; empty where they exceed none."""
    if len(arguments) > limits.ARGUMENTS:
        return str(limits.ARGUMENTS)
    length = sum(len(argument.key) + len(argument.value) for argument in arguments)
    return f"{limits.ARGUMENTS_LENGTH} characters of" if length > limits.ARGUMENTS_LENGTH else ""


def changed_runtime(
    before: dict[str, RuntimeValue], request: ConfigureRequest
) -> dict[str, RuntimeValue]:
    """The runtime values of a module after `request`."""
    after = dict(before)
    for key, value in request.given:
        known = after.pop(key, None)
        if value is None:
            continue
        origin = f"{request.who.command or 'set'} by uid {request.who.uid}"
        same = known is not None and known.value == value
        after[key] = known if known and same else RuntimeValue(value, origin)
    return after


def _values(runtime: dict[str, RuntimeValue]) -> dict[str, str]:
    return {key: given.value for key, given in runtime.items()}
