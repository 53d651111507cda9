# SPDX-License-Identifier: LGPL-3.0-or-later
"""Frames and lines that no honest peer would send, from a seed."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import msgpack

from protocol.codec import encode
from protocol.messages import Applied, Join, Leave, Vote
from protocol.reasons import Reason

OPERATIONS = (
    *("get", "status", "modules", "module-config", "module-describe", "module-stats", "getattr"),
    *("lsattr", "dmesg", "dump", "history", "show", "diff", "files", "nonsense"),
    *("reload", "load", "merge", "set", "unset", "rollback", "confirm"),
    *("module-load", "module-remove", "module-configure", "module-reload"),
)
FIELDS = (
    *("timeout", "dry_run", "message", "command", "name", "path", "arguments", "sources", "a"),
    *("value", "type", "set", "unset", "generation", "if_generation", "confirm", "most", "b"),
)


def values(source: random.Random) -> Any:
    """Anything that JSON can hold, with a liking for what is awkward."""
    awkward: list[Callable[[], Any]] = [
        lambda: None,
        lambda: source.random() < 0.5,
        lambda: source.choice((0, -1, 2**63, -(2**63) - 1, 10**400, 1)),
        lambda: source.choice((0.0, -0.0, 1e308, float("inf"), float("nan"), 1e-300, 0.001)),
        lambda: source.choice(("", "\0", "\ud800", "\udc80x", "a" * 5000, "é\n", "../../etc", "m")),
        lambda: [values(source) for _ in range(source.randrange(3))],
        lambda: {source.choice(FIELDS): values(source) for _ in range(source.randrange(3))},
        lambda: [{"name": source.choice(("x", "\ud800", 3)), "format": source.choice(("toml", "j")),
                  "text": source.choice(("a = 1", "a = ", "\ud800", "\udcff = 1", "[" * 3000))}],
        lambda: ["k=v", "=", "k", "\ud800=\ud800", "k=" + "v" * 5000][: source.randrange(6)],
    ]  # fmt: skip
    return source.choice(awkward)()


def lines(source: random.Random, count: int) -> Iterator[bytes]:
    """Requests for the clients' socket, each without its end of line."""
    for _ in range(count):
        request: Any = {"op": source.choice(OPERATIONS)}
        for _ in range(source.randrange(5)):
            request[source.choice(FIELDS)] = values(source)
        if "timeout" not in request and source.random() < 0.9:
            request["timeout"] = 0.05
        line = json.dumps(request).encode()
        yield source.choice((_whole, _whole, _whole, _cut, _flipped, _noise))(source, line)


def _whole(_: random.Random, line: bytes) -> bytes:
    return line


def _cut(source: random.Random, line: bytes) -> bytes:
    return line[: source.randrange(len(line) + 1)]


def _flipped(source: random.Random, line: bytes) -> bytes:
    changed = bytearray(line)
    for _ in range(source.randrange(1, 4)):
        changed[source.randrange(len(changed))] = source.randrange(256)
    return bytes(changed).replace(b"\n", b" ")


def _noise(source: random.Random, _: bytes) -> bytes:
    fixed = (b"[" * 4000, b"{" * 100, b'{"op":' + b"1" * 5000 + b"}", b"null", b'{"op":1}')
    return source.choice((source.randbytes(source.randrange(80)).replace(b"\n", b""), *fixed))


def frames(source: random.Random, count: int) -> Iterator[bytes]:
    """Frames for the modules' socket."""
    for _ in range(count):
        kind = source.randrange(4)
        if kind == 0:
            yield source.randbytes(source.randrange(120))
        elif kind == 1:
            yield bytes(msgpack.packb(_array(source), default=str))
        elif kind == 2:
            yield _flipped_frame(source, encode(_message(source)))
        else:
            frame = encode(_message(source))
            yield frame[: source.randrange(len(frame) + 1)]


def _flipped_frame(source: random.Random, frame: bytes) -> bytes:
    changed = bytearray(frame)
    changed[source.randrange(len(changed))] = source.randrange(256)
    return bytes(changed)


def _array(source: random.Random) -> list[Any]:
    parts: list[Any] = [source.choice((1, 1, 1, 0, 2, "1", True)), source.randrange(-1, 12)]
    pool: tuple[Any, ...] = (0, 1, -1, 2**63 - 1, 2**63, "m", "", "x" * 200, "\0", None, True, 1.5,
                             b"", b"x", [], [["m", "why", ["a", 1]]], {}, "0" * 64)  # fmt: skip
    return parts + [source.choice(pool) for _ in range(source.randrange(10))]


def _message(source: random.Random) -> Join | Vote | Applied | Leave:
    """A message that is sound by itself, and comes at the wrong time from the wrong side."""
    name, txid = source.choice(("m", "y", "stranger")), source.choice(("1.1", "1.2", "9.9"))
    number, life = source.choice((0, 1, 2, 2**63 - 1)), source.choice(("i", "0" * 32))
    reasons = (Reason(name, "because", ("a", 1)),) * source.randrange(3)
    pid = source.choice((0, 2**22 + 7, 2**62))  # of no process: a stranger does not stay
    return source.choice((
        Join("", number, life, name, 1, number, "", source.choice((None, txid)), pid, life, "{}"),
        Vote(number, life, txid, source.random() < 0.5, reasons),
        Applied(number, life, number, "0" * 64, source.random() < 0.5, reasons),
        Leave(number, life, name, reasons),
    ))  # fmt: skip
