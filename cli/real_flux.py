# SPDX-License-Identifier: LGPL-3.0-or-later
"""Beside a real Flux: which of the two a command line is meant for, and the way to the other one.

Ours never stands in its way.  The real one gets what ours does not know, whatever belongs to a
broker of its own, and, where no broker is named, what needs one.  Whose broker FLUX_URI names is
seen without a connection, which would cost `flux config get` more than its own work: ours has a
socket called `local` and a `lock` beside it; flux-core calls its sockets `local-RANK`, and where it
is told to call one `local` (a system instance, flux-proxy(1)) there is no such lock.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # as typing has it, whose import takes as long as that of json
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OURS_ALONE = ("completion", "modinfo")
"""Commands that flux-core has not."""
OURS_ALONE_OF_CONFIG = (
    "validate",
    "status",
    "history",
    "timeline",
    "show",
    "diff",
    "rollback",
    "confirm",
    "watch",
    "dump",
    "merge",
    "edit",
    "schema",
    "timeline",
)
_RUN_BROKERS = ("start", "broker")
_HELP = ("-h", "--help", "help", "-V", "--version", "version")

BUILT_IN_URI = "local:///run/flux/local"
"""Where a broker is looked for without FLUX_URI, as in flux-core (flux-environment(7))."""

_LOCAL = "local://"


def is_real(uri: str) -> bool:
    """Whether this is the address of a broker of flux-core; a file system is asked at most twice.

    One that is neither's, because there is nobody any more, is not.
    """
    if not uri:
        return False
    if not uri.startswith(_LOCAL):
        return True  # ssh:// and the like, of which ours knows none
    directory, name = os.path.split(uri.removeprefix(_LOCAL))
    if name != "local":
        return name.startswith("local-") and name.removeprefix("local-").isdigit()
    if os.path.exists(os.path.join(directory, "lock")):
        return False
    return os.path.exists(os.path.join(directory, name))


def _is_ours_built_in() -> bool:
    """Whether a broker of ours serves the built-in run directory."""
    socket = BUILT_IN_URI.removeprefix(_LOCAL)
    beside = os.path.join(os.path.dirname(socket), "lock")
    return os.path.exists(socket) and os.path.exists(beside)


def belongs_to_it(given: Sequence[str], known: Iterable[str], uri: str) -> bool:
    """Whether a real Flux, if there is one, should carry out `flux GIVEN…`.

    `known` are our commands, `uri` is FLUX_URI.
    """
    inside = is_real(uri)
    if not given or given[0] in _HELP:
        topic = given[1] if len(given) > 1 else ""
        return inside or (given[:1] == ["help"] and topic != "" and topic not in known)
    command = given[0]
    if command not in known:
        return True
    if command in OURS_ALONE:
        return False
    if command in _RUN_BROKERS:
        return inside
    if command == "config":
        what = given[1] if len(given) > 1 else ""
        if what in OURS_ALONE_OF_CONFIG:
            return False
        if not inside and what in ("", "builtin", "-h", "--help"):
            return False  # needs no broker
    return inside or (not uri and not _is_ours_built_in())


def hand_over(real: str, given: Sequence[str]) -> None:
    """Become the real one, as if it had been called itself.  Raises OSError where that fails.

    Python has come in between, which ignores SIGPIPE and SIGXFSZ and, in the C locale, sets
    LC_CTYPE (PEP 538); programs that the real one starts would inherit that.
    """
    import signal  # 2 ms that only this needs

    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.execve(real, [real, *given], _environment())


def _environment() -> dict[bytes, bytes]:
    """That with which this process was called (proc(5))."""
    try:
        with open("/proc/self/environ", "rb") as file:
            entries = file.read().split(b"\0")
    except OSError:
        return dict(os.environb)
    pairs = (entry.partition(b"=") for entry in entries if b"=" in entry)
    return {name: value for name, _, value in pairs}
