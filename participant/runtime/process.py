# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module's process: `python -m participant.runtime.process --name N --uri U --parent PID WHAT`.

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
from participant.transport.interface import LinkEvent
from participant.transport.zmq_dealer import ZmqDealer
from protocol.codec import encode
from protocol.messages import Leave
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason, bounded

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
_SAY_WHY_SECONDS = 5.0


def main(arguments: list[str], hook: Hook | None = None, serving: type[Serving] = Serving) -> int:
    """Run one module; the exit status of its process.

    `hook` and `serving` are for tests that reach into a running module.
    """
    _flag_name, name, _flag_uri, uri, _flag_parent, parent, what = arguments
    die_with(int(parent))
    try:
        module = load(what)()
        check_instance(module)
    except (Unloadable, NotAModule) as error:
        _say_why(name, uri, Reason(name, str(error), code=ReasonCode.UNLOADABLE))
        return 1
    except BaseException as error:
        why = f"its constructor raised {type(error).__name__}: {error}"
        _say_why(name, uri, Reason(name, why, code=ReasonCode.FAULT))
        return 1
    server = serving(ZmqDealer(uri), module, name, hook)
    ended = server.run()
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


def _say_why(name: str, uri: str, reason: Reason) -> None:
    """Tell the coordinator why there will be no Join."""
    link = ZmqDealer(uri)
    leave = Leave(0, uuid.uuid4().hex, name, bounded((reason,)))
    if link.wait(_SAY_WHY_SECONDS) is LinkEvent.UP:
        link.send(encode(leave))
    link.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
