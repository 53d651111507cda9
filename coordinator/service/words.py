# SPDX-License-Identifier: LGPL-3.0-or-later
"""What systemd is told, and when: pure.  The words are those of sd_notify(3).

A reload is told twice, as systemd.service(5) wants it of Type=notify-reload: RELOADING=1 with the
time at which it began, by which systemd knows that it is not an earlier one, and READY=1 when it is
over, however it ended.  Each message is one datagram.
"""

from collections.abc import Iterator

from coordinator.service.interface import ServiceState

READY, STOPPING, WATCHDOG = "READY=1", "STOPPING=1", "WATCHDOG=1"


def messages(before: ServiceState, now: ServiceState, microseconds: int) -> tuple[str, ...]:
    """What is news, in order; `microseconds` is the time of CLOCK_MONOTONIC.

    >>> messages(ServiceState(), ServiceState(ready=True, status="generation 1"), 5)
    ('STATUS=generation 1\\nREADY=1',)
    """
    words = list(_words(before, now, microseconds))
    if now.status == before.status:
        return tuple(words)
    status = f"STATUS={' '.join(now.status.split())}"
    return (f"{status}\n{words[0]}", *words[1:]) if words else (status,)


def _words(before: ServiceState, now: ServiceState, microseconds: int) -> Iterator[str]:
    if now.stopping:
        if not before.stopping:
            yield STOPPING
        return
    if not now.ready:
        return
    begun = now.reloads if before.ready else before.reloads
    if not before.ready:
        yield READY
        if now.reloading:  # it was asked for during the start
            yield _reloading(microseconds)
        return
    if begun == before.reloads:
        if before.reloading and not now.reloading:
            yield READY
        return
    if before.reloading:
        yield READY
    yield _reloading(microseconds)
    if not now.reloading:
        yield READY


def _reloading(microseconds: int) -> str:
    return f"RELOADING=1\nMONOTONIC_USEC={microseconds}"
