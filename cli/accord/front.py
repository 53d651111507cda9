# SPDX-License-Identifier: LGPL-3.0-or-later
"""The front of one rank, from outside: started, in the foreground or not, and ended."""

import os
import select
import subprocess
import sys

from cli.client import complain
from fluxcore.bindings import NoFlux, search_path
from fluxcore.front.client import call_front
from fluxcore.handle import Flux
from protocol import limits

_COMMAND = "accord agent"
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_BEHIND = ["-m", "cli.accord", "agent", "--behind"]
"""What starts an agent behind a front."""
NO_REHEARSE = "--no-rehearse"
"""The option of an agent that rehearses nothing."""


def socket_of(flux: Flux) -> str:
    """The path of the broker's own socket."""
    return (flux.attribute("local-uri") or "").removeprefix("local://")


def door_directory(flux: Flux) -> str:
    """Where the clients' socket is, the front's, and what this rank runs.  It is made."""
    path = f"{socket_of(flux)}.accord"
    os.makedirs(path, mode=0o755, exist_ok=True)
    return path


def front_command(door: str, options: list[str], ready_fd: int = -1, agent: int = 0) -> list[str]:
    """What starts a front in that directory; `agent` is the process of one that is there.

    `options` are given to every agent that it starts.
    """
    behind = [sys.executable, *_BEHIND, *options]
    return [sys.executable, "-m", "fluxcore.front", door, str(ready_fd), str(agent), *behind]


def _door() -> str:
    """That of the rank that FLUX_URI leads to; modules are found from there on.

    Raises NoFlux, OSError.
    """
    door = door_directory(Flux())
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    path = dict.fromkeys(filter(None, [_ROOT, *given, *search_path()]))
    os.environ["PYTHONPATH"] = os.pathsep.join(path)
    return door


def become(ready_fd: int | None, options: list[str]) -> int:
    """Be the front of this rank: this process is replaced.  The exit status where it cannot be."""
    try:
        door = _door()
    except NoFlux as error:
        complain(_COMMAND, str(error))
        return 1
    except OSError as error:
        complain(_COMMAND, f"no Flux instance: {error.strerror}")
        return 1
    command = front_command(door, options, -1 if ready_fd is None else ready_fd)
    return os.execv(command[0], command)


def detach(options: list[str]) -> int:
    """Start a front in the background and return when this rank is served; the exit status.

    `options` are given to its agents.
    """
    reader, writer = os.pipe()
    log = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"flux-accord-{os.getuid()}.log")
    command = [sys.executable, "-m", "cli.accord", "agent", "--ready-fd", str(writer),
               *options]  # fmt: skip
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    out = os.open(log, flags, 0o600)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                               pass_fds=(writer,), start_new_session=True)  # fmt: skip
    os.close(writer)
    readable, _, _ = select.select([reader], [], [], limits.AGENT_START_SECONDS)
    if readable and os.read(reader, 64):
        return 0
    if not readable:
        process.terminate()
    complain(_COMMAND, f"the agent did not come to serve this rank; see {log}")
    return 1


def stop() -> int:
    """End front and agent of this rank and wait until they are gone; the exit status."""
    try:
        answer = call_front(_door(), "down", limits.AGENT_START_SECONDS)
    except NoFlux as error:
        complain(_COMMAND, str(error))
        return 1
    except (FileNotFoundError, ConnectionRefusedError):
        return 0  # there is none
    except TimeoutError:
        complain(_COMMAND, "the agent does not end")
        return 1
    except OSError as error:
        complain(_COMMAND, f"no Flux instance: {error.strerror}")
        return 1
    assert answer is None, "it says nothing, and closes"
    return 0
