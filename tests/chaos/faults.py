# SPDX-License-Identifier: LGPL-3.0-or-later
"""Everything that a module may do wrong, by name, and the moments at which it does it.

A deed is written KIND@POINT ("exit@commit").  `prepare` and `commit` are moments in author's code;
`asked` (before it), `voted` and `committed` are moments around it, reached through the hook.  A
deed is done once for each candidate: who is restarted into the same candidate behaves.
"""

import os
import random
import signal
import time

from participant.core.effects import Tell, Validate
from participant.module import Reject
from participant.runtime.serve import Hook, Serving
from protocol.codec import encode
from protocol.messages import Applied, Prepare, Vote
from tests.chaos import evidence

POINTS = ("asked", "prepare", "voted", "commit", "committed")
KINDS = ("exit", "kill", "hang", "raise", "raise-base", "vote-twice", "vote-other", "garbage",
         "giant", "close", "fork")  # fmt: skip

_GIANT = 1 << 26
_ORPHAN_SECONDS = 3.0


class Otherworldly(BaseException):
    """Not an Exception, and so not caught by those who only catch these."""


def in_code(who: str, point: str, deed: str, digest: str) -> None:
    """Author's code has reached `point`; do the deed if this is its moment."""
    kind, _, moment = deed.partition("@")
    if moment == point and _first_time(who, digest):
        evidence.write(who, "struck", digest)
        if kind == "giant":
            raise Reject("x" * _GIANT)
        _STRIKES[kind]()


class Around:
    """The hook that does deeds around author's code, and gives faults their way to the socket."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.deed = self.digest = ""

    def __call__(self, when: str, effect: object) -> None:
        if isinstance(effect, Validate) and when == "before":
            self._look_at(effect)
            self._reached("asked")
        elif isinstance(effect, Tell) and when == "after":
            if isinstance(effect.message, Vote):
                self._reached("voted")
            elif isinstance(effect.message, Applied):
                self._reached("committed")

    def _look_at(self, effect: Validate) -> None:
        voter = effect.candidate.plain().get("voter", {})
        self.deed = voter.get("do", {}).get(self.name, "")
        self.digest = effect.candidate.digest
        request = _serving().machine.staged
        if request is not None and isinstance(request.request, Prepare):
            _LAST_TXID[0] = request.request.txid

    def _reached(self, point: str) -> None:
        kind, _, moment = self.deed.partition("@")
        if moment == point and _first_time(self.name, self.digest):
            evidence.write(self.name, "struck", self.digest)
            _STRIKES[kind]()


def both(first: Hook, second: Hook) -> Hook:
    """Two hooks as one."""

    def hook(when: str, effect: object) -> None:
        first(when, effect)
        second(when, effect)

    return hook


def knows(serving: Serving) -> None:
    """From now on faults can reach the connection of this module."""
    _SERVING[:] = [serving]


_SERVING: list[Serving] = []
_LAST_TXID = ["0.0"]


def _serving() -> Serving:
    return _SERVING[0]


def _first_time(who: str, digest: str) -> bool:
    try:
        marker = f"{os.environ[evidence.VARIABLE]}.struck-{who}-{digest[:16]}"
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True


def _exit() -> None:
    os._exit(3)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hang() -> None:
    time.sleep(3600)


def _raise() -> None:
    raise RuntimeError("this module is broken")


def _raise_base() -> None:
    raise Otherworldly("this module is broken beyond Exception")


def _vote(txid: str, times: int) -> None:
    machine = _serving().machine
    frame = encode(Vote(machine.epoch, machine.incarnation, txid, True))
    for _ in range(times):
        _send(frame)


def _vote_twice() -> None:
    _vote(_LAST_TXID[0], 2)


def _vote_other() -> None:
    _vote("999.999", 1)


def _garbage() -> None:
    source = random.Random(0)
    for _ in range(20):
        _send(source.randbytes(source.randrange(200)))


def _giant_frame() -> None:
    _send(bytes(_GIANT))


def _close() -> None:
    """A new connection on which nothing is said: the module is mute and does not know it."""
    _serving()._link.reopen()


def _fork() -> None:
    if os.fork() == 0:
        time.sleep(_ORPHAN_SECONDS)  # holds the socket's descriptors, and says nothing
        os._exit(0)
    os._exit(1)


def _send(frame: bytes) -> None:
    _serving()._link.send(frame)


_STRIKES = {"exit": _exit, "kill": _kill, "hang": _hang, "raise": _raise,
            "raise-base": _raise_base, "vote-twice": _vote_twice, "vote-other": _vote_other,
            "garbage": _garbage, "giant": _giant_frame, "close": _close, "fork": _fork}  # fmt: skip

assert set(_STRIKES) == set(KINDS)
