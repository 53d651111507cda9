# SPDX-License-Identifier: LGPL-3.0-or-later
"""File descriptors: a broker needs some for everybody, its children what they would have had.

Running out is worse than it sounds: a ZeroMQ listener that cannot accept for want of a descriptor
aborts its process.  So the soft limit is raised as far as the hard one allows (getrlimit(2)), and
given back to each child (prlimit(2)), which may still use select(2) and expect it small.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias

from protocol import limits

Limit: TypeAlias = tuple[int, int]
"""Soft and hard."""


def _shared() -> int:
    """What clients and participants share: all but what the broker itself needs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        soft = limits.DESCRIPTORS
    return max(0, soft - limits.DESCRIPTORS_OWN)


def participant_places() -> int:
    """How many participants there may be: each takes two, its connection and a pidfd."""
    return min(limits.MEMBERS, max(1, _shared() // 3))


def client_places() -> int:
    """How many clients there may be; each takes one."""
    return min(limits.CLIENTS, max(2, _shared() // 3))


def raise_limit() -> Limit:
    """Raise this process's limit to DESCRIPTORS, or the hard limit; what it was before."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, hard = before
    wanted = limits.DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, limits.DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return before


@contextmanager
def as_before(before: Limit) -> Iterator[None]:
    """For a child that may look at its limit at once; only while few descriptors are open."""
    raised = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, before)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, raised)


def give_back(pid: int, before: Limit) -> None:
    """Let a child have the limit that we had; one that is gone already needs none."""
    with suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
