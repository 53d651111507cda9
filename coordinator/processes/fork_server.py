# SPDX-License-Identifier: LGPL-3.0-or-later
"""The broker's end of the warm process that modules are forked from.

The other end is participant/runtime/fork_server.py.

Asking does not wait: the answer comes back on the socket a few milliseconds later, or, when the
warm process itself has to come up first, a few hundred.  It carries the ticket of its question,
because a module of the same name may have been asked for again meanwhile.
"""

import array
import ctypes
import json
import os
import socket
import subprocess
from typing import NamedTuple

from coordinator.child_python import python_command
from coordinator.processes.descriptor_limit import Limit, give_back

_PR_SET_CHILD_SUBREAPER = 36


class Reply(NamedTuple):
    """What became of one request."""

    ticket: int
    pid: int
    why_not: str
    """Why there is no process; empty where there is."""


class ForkServer:
    """Started when the first module is asked for, and again should it have died."""

    def __init__(self, limit: Limit) -> None:
        """`limit` is how many descriptors it, and with it each module, may have."""
        self._limit = limit
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setblocking(False)
        self._process: subprocess.Popen[bytes] | None = None
        self._asked: set[int] = set()
        self.fd = self._ours.fileno()

    def ask(self, ticket: int, name: str, path: str, connection: socket.socket) -> None:
        """Have a module started, with its end of `connection`, which stays the caller's to close.

        Raises OSError where that is not possible.
        """
        if self._process is None:
            self._start()
        rights = array.array("i", [connection.fileno()])
        request = json.dumps([ticket, name, path]).encode()
        self._ours.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        self._asked.add(ticket)

    def _start(self) -> None:
        # Modules are grandchildren of this process; their parents end, and they become ours.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
        command = python_command("participant.runtime.fork_server")
        self._process = subprocess.Popen(
            [*command, str(self._theirs.fileno()), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            pass_fds=[self._theirs.fileno()],
            start_new_session=True,
        )
        give_back(self._process.pid, self._limit)

    def collect(self) -> list[Reply]:
        """What has become of requests since the last call; nothing is read where none are open."""
        return self.read() if self._asked else []

    def read(self) -> list[Reply]:
        """The same, and answers that nobody waits for any more are read away; see `fd`."""
        replies = []
        while True:
            try:
                reply = Reply(*json.loads(self._ours.recv(4096)))
            except BlockingIOError:
                break
            if reply.ticket in self._asked:  # else of one that was given up as lost
                self._asked.discard(reply.ticket)
                replies.append(reply)
        return replies

    def died(self) -> list[int]:
        """Look after the process; where it has died, the tickets of those it never started."""
        if self._process is None or self._process.poll() is None:
            return []
        self._process = None
        lost, self._asked = sorted(self._asked), set()
        self._drain()
        return lost

    def _drain(self) -> None:
        """Requests that nobody has read must not be read by the next process."""
        self._theirs.setblocking(False)
        try:
            while self._theirs.recv(1 << 16):
                pass
        except BlockingIOError:
            self._theirs.setblocking(True)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._ours.close()
        self._theirs.close()
