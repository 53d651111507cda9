# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every state machine of this program, so that docs/design.md can show them and cannot lie.

`python -m coordinator.core.diagrams < docs/design.md` prints the page with its diagrams drawn anew
(`make diagrams`); a test fails where page and tables differ.
"""

import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from coordinator.core.members import MEMBER, MemberState
from coordinator.core.operations.completion import COMPLETION, CompletionPhase
from coordinator.core.operations.confirm import CONFIRM, ConfirmPhase
from coordinator.core.operations.module_configure import CONFIGURE, ConfigurePhase
from coordinator.core.operations.module_load import LOAD, LoadPhase
from coordinator.core.operations.module_reload import RELOAD, ReloadPhase
from coordinator.core.operations.module_remove import REMOVE, RemovePhase
from coordinator.core.operations.startup import STARTUP, StartupPhase
from protocol.diagrams import draw, redraw
from protocol.transitions import PARTICIPANT, TRANSACTION, ParticipantState, TransactionState


class StateMachine(NamedTuple):
    """A table of transitions, and the states in which it begins."""

    table: Mapping[tuple[Any, Any], Any]
    begins: tuple[StrEnum, ...]


MACHINES: Final[Mapping[str, StateMachine]] = {
    "transaction": StateMachine(TRANSACTION, (TransactionState.GATHERING,)),
    "participant": StateMachine(PARTICIPANT, (ParticipantState.IDLE,)),
    "member": StateMachine(MEMBER, (MemberState.STARTING, MemberState.JOINING)),
    "startup": StateMachine(STARTUP, (StartupPhase.ASSEMBLING,)),
    "module_load": StateMachine(LOAD, (LoadPhase.STARTING,)),
    "module_remove": StateMachine(REMOVE, (RemovePhase.STOPPING,)),
    "module_reload": StateMachine(RELOAD, (ReloadPhase.STOPPING,)),
    "module_configure": StateMachine(CONFIGURE, (ConfigurePhase.WAITING,)),
    "confirm": StateMachine(CONFIRM, (ConfirmPhase.WRITING,)),
    "completion": StateMachine(COMPLETION, (CompletionPhase.WAITING,)),
}
"""By the name that its diagram has in docs/design.md."""


def all_diagrams() -> dict[str, str]:
    """Name of each diagram in docs/design.md and its text."""
    return {name: draw(machine.table, *machine.begins) for name, machine in MACHINES.items()}


if __name__ == "__main__":
    sys.stdout.write(redraw(sys.stdin.read(), all_diagrams()))
