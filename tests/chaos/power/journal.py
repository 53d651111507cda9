# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a disk holds after a power cut: played from the journal that disk_journal.c writes.

What was synced (fsync(2) of the file, and of the directory for its name) is there.  Of the rest,
any part may be: nothing, all, what was written first, or sectors here and there.  After an fsync
that failed, what it should have written counts as clean: it is in the cache, so everybody reads it,
and never comes to the disk unless it is written again (Rebello et al., "Can Applications Recover
from fsync Failures?", USENIX ATC 2020).
"""

import json
import os
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

SOURCE = Path(__file__).with_name("disk_journal.c")
SECTOR = 512
"""Bytes that a disk writes whole or not at all, and what SQLite relies on (its powersafe
overwrite, https://sqlite.org/psow.html: what is beside a write is not harmed by it)."""

_HEAD = struct.Struct("<cQqI")
_TAGS = frozenset(b"CWTSFDURM?N")

Style: TypeAlias = Literal["lost", "kept", "first", "torn"]
STYLES: tuple[Style, ...] = ("lost", "kept", "first", "torn")


def build(into: Path, compiler: str) -> Path:
    """The library, to be given to LD_PRELOAD."""
    library = into / "disk_journal.so"
    subprocess.run([compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC",
                    "-o", str(library), str(SOURCE), "-ldl", "-lpthread"],
                   check=True, timeout=120)  # fmt: skip
    return library


def environment(library: Path, directory: Path, journal: Path) -> dict[str, str]:
    """Variables of a process whose writes below `directory` are written down in `journal`."""
    return {"LD_PRELOAD": str(library), "POWER_DIRECTORY": os.path.realpath(directory),
            "POWER_JOURNAL": str(journal)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened."""

    kind: str
    inode: int
    at: int
    data: bytes

    def note(self) -> dict[str, Any]:
        """What a process wrote into the journal itself (`write_note`)."""
        found: dict[str, Any] = json.loads(self.data)
        return found


def write_note(journal: str, **note: Any) -> None:
    """Write a note of one's own between what happens to files."""
    data = json.dumps(note).encode()
    descriptor = os.open(journal, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(descriptor, _HEAD.pack(b"N", 0, 0, len(data)) + data)
    finally:
        os.close(descriptor)


def read(journal: Path) -> Iterator[Record]:
    """All records.  The last may be cut off, where its process was killed."""
    text, position = journal.read_bytes(), 0
    while position + _HEAD.size <= len(text):
        kind, inode, at, length = _HEAD.unpack_from(text, position)
        assert kind[0] in _TAGS, f"{journal}: no record at {position}"
        position += _HEAD.size
        if position + length > len(text):
            return
        yield Record(kind.decode(), inode, at, text[position : position + length])
        position += length


@dataclass(slots=True)
class _File:
    """What has reached the disk, and what happened since: bytes at an offset; None: cut there."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        for at, data in self.pending:
            _apply(self.durable, at, data)
        self.pending.clear()

    def lose(self) -> None:
        self.pending.clear()

    def after_a_cut(self, style: Style, chance: random.Random) -> bytes:
        content = bytearray(self.durable)
        for at, data in _survivors(self.pending, style, chance):
            _apply(content, at, data)
        return bytes(content)


def _apply(content: bytearray, at: int, data: bytes | None) -> None:
    if data is None:
        del content[at:]
        content.extend(bytes(at - len(content)))
        return
    content.extend(bytes(max(0, at - len(content))))
    content[at : at + len(data)] = data


def _survivors(
    pending: list[tuple[int, bytes | None]], style: Style, chance: random.Random
) -> Iterator[tuple[int, bytes | None]]:
    if style == "kept":
        yield from pending
    elif style == "first":
        yield from pending[: chance.randint(0, len(pending))]
    elif style == "torn":
        likely = chance.choice((0.2, 0.5, 0.9))
        for at, data in pending:
            if data is None:
                if chance.random() < likely:
                    yield at, None
                continue
            for start, part in _sectors(at, data):
                if chance.random() < likely:
                    yield start, part


def _sectors(at: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    end = at + len(data)
    while at < end:
        stop = min(end, (at // SECTOR + 1) * SECTOR)
        yield at, data[len(data) - (end - at) : len(data) - (end - stop)]
        at = stop


class Disk:
    """One directory, as it is in the cache and as far as it has reached the disk."""

    def __init__(self, directory: Path) -> None:
        """All that is in the directory now is on the disk."""
        self._files: dict[int, _File] = {}
        self._names: dict[str, _File] = {}
        self._pending: list[tuple[str, _File | None]] = []
        """What became of names since the directory was synced; None: gone."""
        for path in directory.iterdir():
            file = _File(bytearray(path.read_bytes()))
            self._files[path.stat().st_ino] = self._names[path.name] = file
        self.syncs = self.maps = 0

    def happens(self, record: Record) -> None:
        """Play one record.  Raises AssertionError where it tells of what cannot be played."""
        kind, name = record.kind, record.data
        if kind == "C":
            file = self._files[record.inode] = _File()
            self._pending.append((name.decode(), file))
        elif kind == "W":
            self._files[record.inode].pending.append((record.at, record.data))
        elif kind == "T":
            self._files[record.inode].pending.append((record.at, None))
        elif kind == "S":
            self._files[record.inode].sync()
            self.syncs += 1
        elif kind == "F":
            if record.inode in self._files:  # or it is the directory: its names are still to come
                self._files[record.inode].lose()
        elif kind == "D":
            _rename(self._names, self._pending)
            self._pending.clear()
        elif kind == "U":
            self._pending.append((name.decode(), None))
        elif kind == "R":
            before, _, after = name.decode().partition("\0")
            self._pending += [(after, self.cached()[before]), (before, None)]
        elif kind == "M":
            assert self._files[record.inode] is self.cached()["ledger.sqlite-shm"]
            self.maps += 1
        else:
            assert kind == "N", f"{name.decode()}: cannot be played"

    def cached(self) -> Mapping[str, _File]:
        """What the directory shows while there is power."""
        names = dict(self._names)
        _rename(names, self._pending)
        return names

    def contents(self) -> dict[str, bytes]:
        """What its files show while there is power; where no fsync failed."""
        return {name: file.after_a_cut("kept", random.Random())
                for name, file in self.cached().items()}  # fmt: skip

    def cut(self, into: Path, style: Style, chance: random.Random) -> None:
        """Make `into` the directory as it may be after a power cut at this moment."""
        names = dict(self._names)
        count = {"lost": 0, "kept": len(self._pending)}
        _rename(names, self._pending[: count.get(style, chance.randint(0, len(self._pending)))])
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(mode=0o700)
        for name, file in names.items():
            path = into / name
            path.write_bytes(file.after_a_cut(style, chance))
            path.chmod(0o600)


def _rename(names: dict[str, _File], events: list[tuple[str, _File | None]]) -> None:
    for name, file in events:
        if file is None:
            names.pop(name, None)
        else:
            names[name] = file
