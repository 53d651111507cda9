# SPDX-License-Identifier: LGPL-3.0-or-later
"""Other runtime values for a module that cannot run with those that it has: the way back.

A module that accepted values and dies or hangs over them does so again in every process that is
started for it.  It cannot be asked about others, and does not run what it has, so it has no vote on
leaving that: it is restarted with the new values.  If it does not come up with them either, it is
shown as failed, and the values can be changed again.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from coordinator.core.members import UNSETTLED, Member, MemberState
from coordinator.core.membership import Membership
from coordinator.core.operations.module_configure import changed_runtime, too_much
from coordinator.core.operations.module_reload import ModuleReload, ReloadPhase
from coordinator.core.requests import ConfigureRequest, ModuleReloadRequest, RuntimeValue
from coordinator.core.results import Result
from coordinator.core.state import SharedState


class ModuleRestore(ModuleReload):
    """A reload with other runtime values."""

    RESULTS: ClassVar[Mapping[Any, Result]] = {
        **ModuleReload.RESULTS,
        ReloadPhase.RELOADED: Result.CONFIGURED,
    }

    def __init__(
        self,
        shared: SharedState,
        membership: Membership,
        client: int | None,
        request: ConfigureRequest,
        asked_at: float,
    ) -> None:
        """`can_restore` must hold."""
        member = shared.members.get(request.name)
        assert member is not None
        self.runtime: dict[str, RuntimeValue] = changed_runtime(member.runtime, request)
        reload = ModuleReloadRequest(request.name, request.seconds)
        super().__init__(shared, membership, client, reload, asked_at)

    def _start_the_new(self, member: Member) -> None:
        member.runtime, member.runtime_untried = self.runtime, True
        super()._start_the_new(member)


def can_restore(member: Member | None, request: ConfigureRequest) -> bool:
    """Whether `request` is to be met by a restart: there is something to change, and its module is
    ours and failed, or does not come up with values that it accepted."""
    if member is None or member.attached or request.dry_run:
        return False
    untried = member.runtime_untried and member.state in UNSETTLED
    stuck = untried or member.state is MemberState.FAILED
    runtime = changed_runtime(member.runtime, request)
    return stuck and runtime != member.runtime and not too_much(member.arguments(runtime))
