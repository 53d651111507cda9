# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where the metrics may be served: this host only."""

import errno
import os
import socket
import stat

ATTRIBUTE = "metrics.address"
_WANTED = "expected unix:/PATH, or a loopback address and a port: 127.0.0.1:9464, [::1]:9464"
_PORT_DIGITS = 5
_PATH_BYTES = 107
"""Of a socket's path (unix(7))."""
_LOOPBACK = {"127.0.0.1": socket.AF_INET, "localhost": socket.AF_INET, "[::1]": socket.AF_INET6}


def listener_at(address: str) -> tuple[socket.socket, str]:
    """A socket that listens at `address`, and the address as it turned out (port 0 is any).

    Raises ValueError for an address that is not of this host, OSError where it cannot be had.
    """
    if address.startswith("unix:"):
        path = address.removeprefix("unix:")
        if not path.startswith("/"):
            raise ValueError(f"{ATTRIBUTE}={address}: the path must be absolute; {_WANTED}")
        if len(os.fsencode(path)) > _PATH_BYTES:
            raise ValueError(f"{ATTRIBUTE}={address}: the path is longer than {_PATH_BYTES} bytes")
        return _listen(socket.AF_UNIX, path), address
    host, _, port = address.rpartition(":")
    family = _LOOPBACK.get(host)
    if family is None or not _is_port(port):
        raise ValueError(f"{ATTRIBUTE}={address}: metrics are served to this host only; {_WANTED}")
    bare = "127.0.0.1" if family == socket.AF_INET else "::1"
    listener = _listen(family, (bare, int(port)))
    return listener, f"{host}:{listener.getsockname()[1]}"


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _PORT_DIGITS and int(text) < 65536


def _listen(family: int, place: str | tuple[str, int]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        listener.setblocking(False)
        if isinstance(place, str):
            _vacate(place)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        if isinstance(place, str):
            os.chmod(place, 0o660)
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener


def _vacate(path: str) -> None:
    """Remove a socket at which nobody listens any more.  Raises OSError for anything else."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise FileExistsError(errno.EEXIST, "something that is no socket is there", path)
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        if asking.connect_ex(path) != errno.ECONNREFUSED:
            raise OSError(errno.EADDRINUSE, "somebody listens there", path)
    os.unlink(path)
