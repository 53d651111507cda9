# SPDX-License-Identifier: LGPL-3.0-or-later
"""One run of one check: a process group of its own, from its start until it is reaped.

It gets the candidate as a file in memory that nobody can change any more (memfd_create(2), sealed):
there is no pipe to fill, so it does not matter whether it reads it.  It inherits that, a pipe for
stderr, and nothing else.  It ends with us (PR_SET_PDEATHSIG, prctl(2)); what it leaves behind in
its process group ends with it.
"""

import ctypes
import fcntl
import os
import select
import signal
import subprocess
import time
from contextlib import suppress

from participant.checks.command import environment
from participant.checks.verdict import Ended
from protocol import limits

_PR_SET_PDEATHSIG = 1
_READ_AT_ONCE = 256 * 1024
"""Bytes that are read of one check before others have their turn."""

_prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up before there is a fork


class Paper:
    """A text that any number of processes may read from its beginning, and none may change."""

    def __init__(self, text: bytes) -> None:
        """Raises OSError where there is no memory or descriptor for it."""
        self._descriptor = os.memfd_create("candidate", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        view = memoryview(text)
        while view:
            view = view[os.write(self._descriptor, view) :]
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(self._descriptor, fcntl.F_ADD_SEALS, seals)

    def open(self) -> int:
        """A descriptor at its beginning, read-only; of whoever calls."""
        return os.open(f"/proc/self/fd/{self._descriptor}", os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of it; whoever has opened it still can read it."""
        os.close(self._descriptor)


class Run:
    """A check that runs, or has run."""

    def __init__(
        self, name: str, program: str, words: tuple[str, ...], paper: Paper, seconds: float
    ) -> None:
        """Start it.  Raises OSError."""
        self.name = name
        self.words = words
        self.seconds = seconds
        self.due_monotonic = time.monotonic() + seconds
        self.killed = ""
        """Why it was killed, if it was."""
        self.status: int | None = None
        """As subprocess has it, once it is reaped."""
        self.stderr = b""
        self.was_cut = False
        stdin = paper.open()
        reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(writer, True)
        try:
            self._process = subprocess.Popen(
                words,
                executable=program,
                stdin=stdin,
                stdout=subprocess.DEVNULL,
                stderr=writer,
                cwd="/",
                env=environment(name),
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - one call of C, looked up before
            )
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(stdin)
            os.close(writer)
        self._stderr = reader
        self.pid = self._process.pid
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except OSError:
            self._kill_group()
            self._process.wait()
            os.close(reader)
            raise
        self._poll: select.epoll | None = None

    def register(self, poll: select.epoll) -> None:
        """Have its descriptors watched."""
        self._poll = poll
        poll.register(self._stderr, select.EPOLLIN)
        poll.register(self._pidfd, select.EPOLLIN)

    def unregister(self) -> None:
        """Have them watched no more."""
        poll, self._poll = self._poll, None
        if poll is not None and self.status is None:  # else they are closed
            poll.unregister(self._pidfd)
            with suppress(FileNotFoundError):
                poll.unregister(self._stderr)

    def look(self, now: float) -> bool:
        """Take in what has happened; True when there will be no more.  Kills it when it is due."""
        if self.status is not None:
            return True
        self._read()
        if _is_readable(self._pidfd):
            self._reap()
            return True
        if now >= self.due_monotonic:
            if self.killed:
                return True  # killed, and still there: nobody waits for that
            self.kill(f"did not answer within {self.seconds:.3g} s and was killed")
        return False

    def kill(self, why: str) -> None:
        """Kill it and all of its process group, which nothing can ignore."""
        if self.status is None and not self.killed:
            self.killed = why
            self.due_monotonic = time.monotonic() + limits.CHECK_KILL_SECONDS
            self._kill_group()

    def ended(self) -> Ended:
        """How it went."""
        return Ended(self.name, self.status, self.killed, self.stderr, self.was_cut)

    def is_gone(self) -> bool:
        """Returns True if nothing is left of it; reaps it if it has ended meanwhile."""
        if self.status is None and _is_readable(self._pidfd):
            self._reap()
        return self.status is not None

    def _reap(self) -> None:
        """It has ended and is not reaped: until then its number is nobody else's."""
        self._kill_group()
        self.status = self._process.wait()
        self._read()
        os.close(self._stderr)
        os.close(self._pidfd)

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _read(self) -> None:
        left = _READ_AT_ONCE
        while left > 0:
            try:
                block = os.read(self._stderr, 64 * 1024)
            except BlockingIOError:
                return
            if not block:  # it has closed its stderr, which from now on would always be readable
                if self._poll is not None:
                    with suppress(FileNotFoundError):
                        self._poll.unregister(self._stderr)
                return
            left -= len(block)
            room = limits.CHECK_OUTPUT_BYTES - len(self.stderr)
            self.stderr += block[:room]
            self.was_cut = self.was_cut or len(block) > room


def _end_with_parent() -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _is_readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
