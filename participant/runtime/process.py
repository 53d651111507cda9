# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module's process: `… participant.runtime.process --name N --socket FD --parent PID WHAT`.

Started by the broker, one for each module, so that a module can hang, crash or be killed without
anybody else noticing more than its absence.  It does not outlive its broker (PR_SET_PDEATHSIG,
prctl(2)): a module without a coordinator would run a configuration nobody can change any more.
"""

import ctypes
import os
import signal
import sys
import uuid

from participant.contract import NotAModule, check_instance
from participant.loader import Unloadable, load
from participant.runtime.serve import Hook, Serving
from participant.transport.socket_pair import Disconnected, SocketPair
from protocol.codec import encode
from protocol.messages import Leave
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason, bounded

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15


def main(arguments: list[str], hook: Hook | None = None, serving: type[Serving] = Serving) -> int:
    """Run one module; the exit status of its process.

    `hook` and `serving` are for tests that reach into a running module.
    """
    _flag_name, name, _flag_socket, number, _flag_parent, parent, what = arguments
    die_with(int(parent))
    link = SocketPair(int(number))
    try:
        module = load(what)()
        check_instance(module)
    except (Unloadable, NotAModule) as error:
        _say_why(name, link, Reason(name, str(error), code=ReasonCode.UNLOADABLE))
        return 1
    except BaseException as error:
        why = f"its constructor raised {type(error).__name__}: {error}"
        _say_why(name, link, Reason(name, why, code=ReasonCode.FAULT))
        return 1
    server = serving(link, module, name, hook)
    try:
        ended = server.run()
    except Disconnected:  # nobody has ended us, and nobody will hear of us again
        server.complain("lost its connection to the broker")
        return 1
    if not ended.wanted:
        server.complain(f"not admitted: {ended.why}")
    return 0 if ended.wanted else 1


def die_with(parent: int) -> None:
    """End this process when its parent does; at once where that has happened already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before it could be watched
        os._exit(1)


def call_itself(name: str) -> None:
    """The name that ps(1) and top(1) show; at most 15 bytes."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:15])


def _say_why(name: str, link: SocketPair, reason: Reason) -> None:
    """Tell the coordinator why there will be no Join."""
    link.send(encode(Leave(0, uuid.uuid4().hex, name, bounded((reason,)))))
    link.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
