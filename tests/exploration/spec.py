# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a small world is like: who is there, who asks for what, and what may go wrong how often."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coordinator.core.requests import Request
from protocol.configuration import Configuration
from tests.exploration.state import Budget


@dataclass(frozen=True)
class Spec:
    """One world."""

    name: str
    children: tuple[str, ...] = ()
    """Modules that every broker starts."""
    attached: tuple[str, ...] = ()
    loadable: tuple[str, ...] = ()
    """Further modules that a client may load."""
    requests: tuple[tuple[str, Request], ...] = ()
    """In words, and as the machine takes them; each is asked once, at any time."""
    budget: Budget = Budget()  # noqa: RUF009 - it is a value
    rejects: frozenset[tuple[str, str]] = frozenset()
    """Who refuses which configuration (by digest), whenever it is asked."""
    rejects_at_start: frozenset[tuple[str, str]] = frozenset()
    """The same, as long as it has not run anything yet."""
    warns: frozenset[tuple[str, str]] = frozenset()
    """Who has something to say about which configuration, and takes it."""
    mishaps: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """What befalls whom in the commit of which configuration: "break", "die" or "hang"."""
    concurrent: tuple[str, ...] = ()
    """Whose machines hear messages while their modules work."""
    alike: tuple[str, ...] = ()
    """Participants of which nothing tells one from the other but the name."""
    past: tuple[type[object], ...] | None = None
    """Which messages may come late, over a connection that is gone; None: any."""
    noes: tuple[Configuration, ...] | None = None
    """What a module may refuse though it could take it; None: anything."""
    files: Configuration | None = None
    fallback: bool = True
    undo_failures: bool = False
    """Whether a change that a member cannot apply is undone."""
    cold: bool = False
    """Whether it begins with the start of a broker, and not when everybody is well."""
