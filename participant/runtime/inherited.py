# SPDX-License-Identifier: LGPL-3.0-or-later
"""Connections that a child of fork(2) has from its parent without wanting them.

While the child holds them open, the broker cannot see that the parent has gone.  libzmq closes only
what it uses inside the process (ctx.cpp, `forked`), so they are found by the name of the other end.
"""

import os
import socket
import stat
from contextlib import suppress


def close_connections(uri: str) -> None:
    """Close all sockets of this process that are connected to `ipc://PATH`."""
    path = uri.removeprefix("ipc://")
    with suppress(OSError):  # no /proc: then they stay
        for name in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                if _is_connected(int(name), path):
                    os.close(int(name))


def _is_connected(descriptor: int, path: str) -> bool:
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return False
    found = socket.socket(fileno=descriptor)
    try:
        return found.family == socket.AF_UNIX and found.getpeername() == path
    finally:
        found.detach()
