# SPDX-License-Identifier: LGPL-3.0-or-later
"""A warm process that modules are forked from.

`python -m participant.runtime.fork_server SOCKET PARENT`.

Starting Python and importing pydantic takes longer than anything a module does when it
comes up.  This process does it once and then forks; each module is still a process of its own, with
its own memory, and imports its own file after the fork.

It forks twice.  The module's process is the grandchild, and as the child in between ends at once it
becomes a child of the broker, which has declared itself its subreaper (prctl(2)): the broker reaps
it and sees how it ended, and neither the end of this process nor another module's touches it.
"""

import gc
import json
import os
import signal
import socket
import sys
import time

from participant.runtime import process

_NAME_BYTES = 15  # of a process, prctl(2) PR_SET_NAME
_REPARENTING_SECONDS = 5.0


def main(descriptor: int, parent: int) -> None:
    """Serve the broker `parent` on the socket `descriptor` until it is closed."""
    process.die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the broker alone
    requests = socket.socket(fileno=descriptor)
    gc.collect()
    gc.freeze()  # so that the collector of no child touches, and thereby copies, these pages
    while request := _received(requests):
        (ticket, name, path), connection = request
        try:
            between = os.fork()
        except OSError as error:
            _answer(requests, ticket, why_not=f"fork: {error.strerror}")
            connection.close()
            continue
        if between == 0:
            try:
                grandchild = os.fork()
            except OSError as error:
                _answer(requests, ticket, why_not=f"fork: {error.strerror}")
                os._exit(1)
            if grandchild == 0:
                _become_child_of(parent)
                _answer(requests, ticket, os.getpid())
                requests.close()
                sys.exit(_module(name, connection, path, parent))
            os._exit(0)
        connection.close()
        _, status = os.waitpid(between, 0)
        if os.WIFSIGNALED(status):  # perhaps after it had answered: the first answer counts
            _answer(requests, ticket, why_not="the process that forks it was killed")


def _received(requests: socket.socket) -> tuple[tuple[int, str, str], socket.socket] | None:
    """A request, and the connection that the module is born with; None where the broker is gone."""
    data, descriptors, _, _ = socket.recv_fds(requests, 1 << 16, 1, socket.MSG_CMSG_CLOEXEC)
    if not data:
        return None
    ticket, name, path = json.loads(data)
    return (ticket, name, path), socket.socket(fileno=descriptors[0])


def _answer(requests: socket.socket, ticket: int, pid: int = 0, why_not: str = "") -> None:
    """Every question has an answer: the pid, or why there is none.

    Where the broker has ended there is nobody to tell, and nothing left to do.
    """
    try:
        requests.send(json.dumps([ticket, pid, why_not]).encode())
    except OSError:
        os._exit(1)


def _become_child_of(parent: int) -> None:
    """The grandchild: wait until it is the broker's own child, and end with it.

    Before that its pid must not be told: the broker could not reap what is not its child.
    """
    until = time.monotonic() + _REPARENTING_SECONDS
    while os.getppid() != parent and time.monotonic() < until:
        time.sleep(0.0002)
    process.die_with(parent)


def _module(name: str, connection: socket.socket, path: str, parent: int) -> int:
    """A module's process, as if it had been started anew."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    process.call_itself(f"flux-{name}"[:_NAME_BYTES])
    number = str(connection.detach())
    return process.main(["--name", name, "--socket", number, "--parent", str(parent), path])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
