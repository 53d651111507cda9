# SPDX-License-Identifier: LGPL-3.0-or-later
"""Runtime values of one module, set and unset: the agreement with one voter.

It is asked first (Prepare, marked as a dry run, of what runs with the new values): a module that
hangs over the question, or dies, has then applied nothing, and the client is told so.  Its yes
decides.  The values are part of its record from then on, and it is told by an Admit of the running
generation, as it will be again whenever its process has to be started anew.  Nothing goes to the
ledger: runtime values live as long as the module is loaded.
"""

from coordinator.core.members import UNSETTLED, Member, MemberState
from coordinator.core.membership import Membership
from coordinator.core.operations.one_module import ModuleOperation
from coordinator.core.requests import ConfigureRequest, RuntimeValue
from coordinator.core.results import Result
from coordinator.core.state import SharedState
from protocol import limits
from protocol.messages import Applied, Prepare, Vote
from protocol.reasons import Reason


class ModuleConfigure(ModuleOperation):
    """Ask, decide, apply."""

    def __init__(
        self,
        shared: SharedState,
        membership: Membership,
        client: int | None,
        request: ConfigureRequest,
        asked_at: float,
    ) -> None:
        super().__init__(shared, membership, client, request, asked_at)
        self.request = request
        self.txid = shared.next_txid()
        self.asked = False
        self.decided = False
        self.runtime: dict[str, RuntimeValue] = {}
        member = shared.members.get(self.name)
        if member is None:
            self._refuse("is not loaded")
            return
        self.member = member
        self.runtime = _changed(member.runtime, request)
        if _values(self.runtime) == _values(member.runtime):
            self._finish(Result.UNCHANGED)
            return
        shared.note("configure", module=self.name, txid=self.txid, dry_run=request.dry_run)
        self._ask()

    # Asking

    def _ask(self) -> None:
        """Ask as soon as it is in its place and owes no other answer."""
        member = self.member
        if member is None or self.over or self.asked:
            return
        if member.state in UNSETTLED or (member.owes and member.state is MemberState.RUNNING):
            return
        running = self.shared.running
        if member.state is not MemberState.RUNNING or running is None:
            self._refuse(f"cannot be configured: it is {member.state}")
            return
        arguments = member.arguments(self.runtime)
        if len(arguments) > limits.ARGUMENTS:
            self._refuse(f"would have more than {limits.ARGUMENTS} arguments and runtime values")
            return
        if sum(len(one.key) + len(one.value) for one in arguments) > limits.ARGUMENTS_LENGTH:
            most = limits.ARGUMENTS_LENGTH
            self._refuse(f"would have more than {most} characters of arguments and runtime values")
            return
        self.asked = True
        member.owes, member.owes_since = self.txid, self.shared.now
        allowed = max(0.0, self.deadline - self.shared.now)
        configuration = running.configuration
        self.shared.send(
            [member],
            Prepare(*self.shared.authority, self.txid, running.generation, configuration.digest,
                    configuration.encoded, allowed, True, arguments),
        )  # fmt: skip

    def settled(self, member: Member) -> None:
        if member is self.member:
            self._ask()

    def voted(self, member: Member, vote: Vote) -> None:
        if member is not self.member or self.over or self.decided:
            return
        if vote.txid != self.txid:
            self._ask()  # it has caught up with a question of former times
        elif not vote.yes:
            gave_none = (Reason(self.name, "refused without a reason"),)
            self._finish(Result.REFUSED, vote.reasons or gave_none)
        elif self.request.dry_run:
            self._finish(Result.VALID)
        else:
            self._decide(member)

    # Applying

    def _decide(self, member: Member) -> None:
        self.decided = True
        member.runtime = self.runtime
        self.deadline = self.shared.now + limits.COMMIT_SECONDS
        self.shared.wake(self.deadline)
        self.shared.note("configured", module=self.name, txid=self.txid, keys=list(self.runtime))
        self.shared.admit(member)

    def applied(self, member: Member, applied: Applied) -> None:
        if member is not self.member or not self.decided or self.over:
            return
        if applied.ok:
            self._finish(Result.CONFIGURED)
        else:
            given = applied.reasons[0].message if applied.reasons else "gave no reason"
            self._missed(f"accepted the values and failed to apply them: {given}")

    # Whatever else may happen

    def lost(self, member: Member, why: str, dead: bool) -> bool:
        if member is self.member and not self.over:
            if self.decided and dead:
                self._missed(f"{why} before it had applied the values")
            elif self.asked and not self.decided:
                self._refuse(f"{why} while it was asked")
        return False

    def left(self, member: Member, reasons: tuple[Reason, ...]) -> None:
        if member is self.member and not self.over and not self.decided:
            self._finish(Result.REFUSED, reasons or (Reason(self.name, "left"),))

    def time_passed(self) -> None:
        if self.over or self.shared.now < self.deadline:
            return
        if self.decided:
            self._missed(f"did not apply the values within {limits.COMMIT_SECONDS:g} s")
            return
        allowed = f"{self.request.seconds:g} s"
        assert self.member is not None
        if self.asked:
            self._refuse(f"did not answer within {allowed}")
        elif self.member.state in UNSETTLED:
            self._refuse(f"is still {self.member.state} after {allowed}")
        else:
            self._refuse(f"did not answer; it still owes a vote on {self.member.owes}")

    def hung_up(self, client: int) -> None:
        if client == self.client:
            self.client = None
            if not self.decided:
                self._refuse("the client went away before the decision")

    def stop(self) -> None:
        if not self.decided:
            self._refuse("the broker is stopping")
        else:
            self._missed("the broker is stopping")

    def _refuse(self, why: str) -> None:
        self._finish(Result.REFUSED, (Reason(self.name, why),))

    def _missed(self, why: str) -> None:
        self._finish(Result.PARTIAL, (Reason(self.name, why),))


def _changed(before: dict[str, RuntimeValue], request: ConfigureRequest) -> dict[str, RuntimeValue]:
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
