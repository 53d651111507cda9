# SPDX-License-Identifier: LGPL-3.0-or-later
"""What clients ask for: plain data on its way to the machine."""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from coordinator.core.edit import Edit
from coordinator.core.merge_patch import MergePatch
from coordinator.core.rebase import Rebased
from protocol import limits
from protocol.configuration import Configuration
from protocol.reasons import Origin


class Who(NamedTuple):
    """Who asked, by the kernel's word (unix(7), SO_PEERCRED), and with which command."""

    uid: int = 0
    pid: int = 0
    command: str = ""

    @property
    def origin(self) -> Origin:
        """Where the values that this command gave are said to come from."""
        return Origin(f"{self.command or 'an edit'} by uid {self.uid}")


# Ways to make a candidate


@dataclass(frozen=True, slots=True)
class FromFiles:
    """The files on disk, read when the transaction's turn comes."""


class Replacement(NamedTuple):
    """This configuration in place of what runs."""

    configuration: Configuration


class Earlier(NamedTuple):
    """What an earlier generation was; None for the one before what runs when the turn comes."""

    generation: int | None = None


Proposal: TypeAlias = FromFiles | Replacement | Edit | MergePatch | Earlier | Rebased


class ChangeRequest(NamedTuple):
    """Move everybody to a candidate, or (dry run) find out whether they would go."""

    proposal: Proposal
    verb: str
    who: Who = Who()
    seconds: float = limits.PREPARE_SECONDS
    dry_run: bool = False
    message: str = ""
    if_generation: int | None = None
    """Refuse unless this generation is in force when the turn comes."""
    confirm: float | None = None
    """Undo it by itself unless it is confirmed within these seconds."""
    strict: bool = False
    """A warning is a no."""
    txid: str = ""
    """The name that whoever asks has given it, to ask again by; never used before."""
    rehearse: bool = True
    """Members may try it beforehand, beside what runs, where they know how."""


class ConfirmRequest(NamedTuple):
    """Keep what was committed with `confirm`, or give it more time."""

    who: Who = Who()
    seconds: float = limits.PREPARE_SECONDS
    extend: float | None = None
    """Undo it only after so many seconds from now, unless it is confirmed; None: keep it."""


class Spec(NamedTuple):
    """What to run for a module: its file or bundled name, and its load arguments."""

    path: str
    arguments: tuple[tuple[str, str], ...] = ()


class RuntimeValue(NamedTuple):
    """A value set for one module while it runs, as text, and who set it, for people."""

    value: str
    origin: str


class ConfigureRequest(NamedTuple):
    """Give one module other runtime values, all or none: a transaction with one voter."""

    name: str
    given: tuple[tuple[str, str | None], ...]
    """Dotted keys and values as text; None to take a runtime value back."""
    who: Who = Who()
    seconds: float = limits.PREPARE_SECONDS
    dry_run: bool = False


class ModuleReloadRequest(NamedTuple):
    """Stop a module's process and start another with the same arguments and runtime values."""

    name: str
    seconds: float = limits.PREPARE_SECONDS
    otherwise: Spec | None = None
    """What to load where it is not loaded; None: that is refused."""
    arguments: tuple[tuple[str, str], ...] | None = None
    """Load arguments in place of those that it has; None: it keeps them."""
    cancel: bool = False
    """Kill the process at once, whatever is in progress."""


class LoadRequest(NamedTuple):
    """Start a module and admit it: a transaction with one voter."""

    name: str
    spec: Spec
    seconds: float = limits.PREPARE_SECONDS


class RemoveRequest(NamedTuple):
    """Take a module out of the vote and stop it."""

    name: str
    seconds: float = limits.PREPARE_SECONDS
    force: bool = False
    """That it is not loaded is no error."""
    cancel: bool = False
    """Kill the process at once, whatever is in progress, without a word to the module."""


Request: TypeAlias = (
    ChangeRequest
    | ConfirmRequest
    | ConfigureRequest
    | LoadRequest
    | ModuleReloadRequest
    | RemoveRequest
)
