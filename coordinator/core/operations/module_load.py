"""Loading a module, a transaction with one voter, and taking one out of the vote."""

from coordinator.core.effects import Answer, Kill
from coordinator.core.members import Member, MemberState
from coordinator.core.membership import Membership
from coordinator.core.operation import Operation
from coordinator.core.requests import (
    ConfigureRequest,
    LoadRequest,
    ModuleReloadRequest,
    RemoveRequest,
)
from coordinator.core.results import Outcome, Result
from coordinator.core.state import SharedState
from protocol import limits
from protocol.messages import Shutdown
from protocol.reasons import Reason


class ModuleOperation(Operation):
    """What is done to one module: a client, a deadline, a member, one answer."""

    def __init__(
        self,
        shared: SharedState,
        membership: Membership,
        client: int | None,
        request: ConfigureRequest | LoadRequest | ModuleReloadRequest | RemoveRequest,
        asked_at: float,
    ) -> None:
        super().__init__(shared)
        self.membership = membership
        self.client = client
        self.name = request.name
        self.asked_at = asked_at
        self.deadline = asked_at + request.seconds
        self.until = self.deadline
        """When the patience with what is being done right now ends."""
        self.killed = False
        self.member: Member | None = None

    def _retire(self, member: Member) -> bool:
        """Take it out of the vote; whether there is anything left to be ended."""
        nobody = not member.pid or member.state in (MemberState.FAILED, MemberState.RESTARTING)
        member.state = MemberState.LEAVING
        member.deadline = None
        self.shared.unadmitted.discard(self.name)
        return not nobody or member.peer is not None

    def _send_away(self, member: Member, why: str) -> None:
        """Ask it to go; one that cannot be asked is ended."""
        if member.peer is None:
            self._kill(member)
        else:
            self.shared.send([member], Shutdown(self.shared.epoch, why))

    def _kill(self, member: Member) -> None:
        """End its process, and give it a moment to be gone."""
        self.killed = True
        self.shared.emit(Kill(self.name, member.pid))
        self.until = self.shared.now + limits.SHUTDOWN_SECONDS
        self.shared.wake(self.until)

    def _finish(self, result: Result, reasons: tuple[Reason, ...] = ()) -> None:
        """Answer, once, and let others have their turn."""
        if self.over:
            return
        self.over = True
        elapsed = self.shared.now - self.asked_at
        self.shared.note("end", module=self.name, result=str(result), elapsed=elapsed)
        if self.client is not None:
            running = self.shared.running
            digest = running.configuration.digest if running else ""
            missed = (self.name,) if result is Result.PARTIAL else ()
            outcome = Outcome(
                result, self.shared.generation, "", reasons, digest, 1, missed, elapsed
            )
            self.shared.emit(Answer(self.client, outcome))
            self.client = None


class ModuleLoad(ModuleOperation):
    """Start, Join, Admit, Applied: or the module is as if it had never been."""

    def __init__(
        self,
        shared: SharedState,
        membership: Membership,
        client: int | None,
        request: LoadRequest,
        asked_at: float,
    ) -> None:
        super().__init__(shared, membership, client, request, asked_at)
        self.refusal: tuple[Reason, ...] = ()
        there = shared.members.get(self.name)
        if there is not None and there.state is MemberState.FAILED and not there.attached:
            shared.members.remove(there)
            there = None
        if there is not None:
            why = Reason(self.name, f"is loaded already ({there.state})")
            self._finish(Result.REFUSED, (why,))
            return
        shared.note("load", module=self.name, path=request.spec.path)
        self.member = membership.add_ours(self.name, request.spec)

    def settled(self, member: Member) -> None:
        if member is self.member:
            self._finish(Result.LOADED)

    def left(self, member: Member, reasons: tuple[Reason, ...]) -> None:
        if member is self.member:
            self.refusal = self.refusal or reasons

    def declined(self, member: Member, reasons: tuple[Reason, ...]) -> bool:
        if member is not self.member:
            return False
        self._cancel(reasons or (Reason(self.name, "declined without a reason"),))
        return True

    def lost(self, member: Member, why: str, dead: bool) -> bool:
        if member is not self.member or not dead:
            return False
        member.state = MemberState.LEAVING
        self._finish(
            Result.REFUSED, self.refusal or (Reason(self.name, f"{why} before it was ready"),)
        )
        return True

    def time_passed(self) -> None:
        if self.member is None or self.over or self.shared.now < self.until:
            return
        if self.refusal:  # killed, and still not gone
            self._finish(Result.REFUSED, self.refusal)
            return
        took = f"was not ready within {self.deadline - self.asked_at:g} s"
        self._cancel((Reason(self.name, f"{took} (it is {self.member.state})"),))

    def hung_up(self, client: int) -> None:
        if client == self.client:
            self.client = None
            self._cancel((Reason(self.name, "the client went away"),))

    def stop(self) -> None:
        self._cancel((Reason(self.name, "the broker is stopping"),))

    def _cancel(self, reasons: tuple[Reason, ...]) -> None:
        """End the process; the answer follows its death, so that the name is free again."""
        assert self.member is not None
        self.refusal = self.refusal or reasons
        self._retire(self.member)
        self._kill(self.member)


class ModuleRemove(ModuleOperation):
    """Shutdown, goodbye; and where that takes too long, the end of the process."""

    def __init__(
        self,
        shared: SharedState,
        membership: Membership,
        client: int | None,
        request: RemoveRequest,
        asked_at: float,
    ) -> None:
        super().__init__(shared, membership, client, request, asked_at)
        self.member = shared.members.get(self.name)
        if self.member is None:
            self._finish(Result.REFUSED, (Reason(self.name, "is not loaded"),))
            return
        shared.note("remove", module=self.name)
        self.until = min(self.deadline, shared.now + limits.SHUTDOWN_SECONDS)
        shared.wake(self.until)
        if self._retire(self.member):
            self._send_away(self.member, "removed by `flux module remove`")
        else:
            self._gone()

    def lost(self, member: Member, why: str, dead: bool) -> bool:  # noqa: ARG002
        if member is self.member and dead and not self.over:
            self._finish(Result.REMOVED)
        return False

    def time_passed(self) -> None:
        if self.over or self.member is None or self.shared.now < self.until:
            return
        if self.member.attached or self.killed:
            self._gone()
        else:
            self._kill(self.member)

    def stop(self) -> None:
        assert self.member is not None
        if not self.killed and not self.member.attached:
            self._kill(self.member)
        self.until = min(self.until, self.shared.now + limits.SHUTDOWN_SECONDS)

    def _gone(self) -> None:
        assert self.member is not None
        self.membership.forget(self.member)
        self._finish(Result.REMOVED)
