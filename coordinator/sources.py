"""The configuration files: how they are found, read, parsed and merged into one configuration.

The rules are those of Flux (flux-config(5); what its reader does with several files was measured on
flux-core 0.88).  Where Flux tells the first fault that it meets, this tells all of them, with the
place of each: who has broken three files wants to hear of three.

Nothing that somebody puts in the place of a file may stop the coordinator: no FIFO that blocks, no
device that never ends, no text that makes a parser fall over.
"""

import ast
import errno
import json
import math
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Literal

import tomli

from coordinator import dialect
from coordinator.positions import line_and_column, locate
from protocol import limits
from protocol.configuration import Configuration, Unfit
from protocol.keys import Path, format_key
from protocol.reasons import Origin, Reason, bounded

_READINGS = 4  # the first and three more
_TOO_DEEP = f"nested deeper than {limits.CONFIGURATION_DEPTH} levels"
_TOO_LARGE = "the integer does not fit 64 bits"
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_KEYS = re.compile(r"(?<=^Cannot declare )\(.*\)|(?<= namespace )\(.*\)\Z")
_ENDLESS_DIGITS = re.compile(r"(?<![0-9_])[0-9][0-9_]{600}")


@dataclass(frozen=True, slots=True)
class Source:
    """One configuration text: where it comes from, its bytes, the language it is written in."""

    name: str
    text: bytes
    format: Literal["toml", "json"]


class Unreadable(Exception):
    """Files that are no configuration; `reasons` says for each what is wrong and where."""

    def __init__(self, reasons: Iterable[Reason]) -> None:
        self.reasons: tuple[Reason, ...] = bounded(reasons)
        super().__init__("\n".join(str(reason) for reason in self.reasons))


def read_sources(path: str) -> tuple[Source, ...]:
    """The texts behind `path`: a file of any name, or the `*.toml` directly in a directory.

    Of a directory, hidden files and other suffixes are left out; the order is that of the bytes of
    the names.  A single file is JSON if its name ends in .json.  At most SOURCE_FILES files and
    SOURCE_BYTES bytes.  Raises Unreadable, with a reason for every file that cannot be read.
    """
    texts: list[Source] = []
    reasons: list[Reason] = []
    room = limits.SOURCE_BYTES
    for name in _files_at(path):
        try:
            text = _read(name, room)
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have
            reasons.append(_refusal(name, _cause(error)))
            continue
        room -= len(text)
        texts.append(Source(name, text, "json" if name.endswith(".json") else "toml"))
    if reasons:
        raise Unreadable(reasons)
    return tuple(texts)


def merge(sources: Iterable[Source]) -> Configuration:
    """The configuration that `sources` give, merged in their order as Flux merges.

    Tables merge recursively; a later scalar or array replaces an earlier one; a table and anything
    else replace each other; an empty table adds nothing to a table.  A TOML date-time becomes
    `{"iso-8601-ts": "…Z"}`, as in Flux: in UTC, whole seconds, one without an offset taken as UTC.
    Raises Unreadable, with every file's faults, where the texts are no TOML 1.0 or no JSON
    (RFC 8259), break a rule of `coordinator.dialect`, or hold what a configuration cannot.
    """
    files = tuple(sources)
    reasons: list[Reason] = []
    merged: dict[str, Any] = {}
    for source in files:
        try:
            _update(merged, _parse(source))
        except Unreadable as refused:
            reasons.extend(refused.reasons)
    if reasons:
        raise Unreadable(reasons)
    try:
        return Configuration.of(merged)
    except Unfit as unfit:
        place = locate(files, unfit.key)
        raise Unreadable([Reason("config", unfit.message, unfit.key, place)]) from None


def _files_at(path: str) -> list[str]:
    try:
        if not stat.S_ISDIR(os.stat(path).st_mode):
            return [path]
        names = [one for one in os.listdir(path) if one.endswith(".toml") and one[0] != "."]
    except (OSError, ValueError) as error:
        raise Unreadable([_refusal(path, _cause(error))]) from None
    if len(names) > limits.SOURCE_FILES:
        raise Unreadable([_refusal(path, f"holds more than {limits.SOURCE_FILES} files")])
    return [os.path.join(path, name) for name in sorted(names, key=os.fsencode)]


def _read(path: str, room: int) -> bytes:
    """The bytes of the file, as they were at one moment.  Raises OSError."""
    for _ in range(_READINGS):
        # O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                what = "a directory" if stat.S_ISDIR(before.st_mode) else "not a regular file"
                raise OSError(f"is {what}")
            text = _drain(descriptor, room)
        finally:
            os.close(descriptor)
        # By name, to see also a file that was put in this one's place meanwhile
        with suppress(FileNotFoundError):
            if _version(os.stat(path)) == _version(before):
                return text
    raise OSError("changes while it is read; try again when it is complete")


def _drain(descriptor: int, room: int) -> bytes:
    blocks: list[bytes] = []
    while block := os.read(descriptor, min(room, 1 << 20) + 1):
        blocks.append(block)
        room -= len(block)
        if room < 0:
            raise OSError(f"does not fit: all files together take at most {limits.SOURCE_BYTES} B")
    return b"".join(blocks)


def _version(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _cause(error: OSError | ValueError) -> str:
    if isinstance(error, ValueError):
        return "cannot be read: no file can have this name"
    if error.errno == errno.ENXIO:  # how the system says it of a socket
        return "is not a regular file"
    return f"cannot be read: {error.strerror}" if error.strerror else str(error)


def _refusal(name: str, message: str, line: int | None = None, column: int | None = None) -> Reason:
    return Reason("config", message, origin=Origin(name, line, column))


def _parse(source: Source) -> dict[str, Any]:
    """The tree of one text, date-times already as Flux shows them.  Raises Unreadable."""
    text = _decode(source)
    tree = _tree(source, text)
    reasons: list[Reason] = []
    if source.format == "toml":
        reasons.extend(bounded(dialect.refusals(source, text, tree)))
    reasons.extend(bounded(_located(source, tree)))
    if reasons:
        raise Unreadable(reasons)
    return tree


def _decode(source: Source) -> str:
    try:
        text = source.text.decode()
    except UnicodeDecodeError as error:
        before = source.text[: error.start].decode()
        place = line_and_column(before, len(before))
        raise Unreadable([_refusal(source.name, "the text is not valid UTF-8", *place)]) from None
    if text.startswith("\ufeff"):
        message = "the text begins with a byte order mark; save it as UTF-8 without one"
        raise _at(source, text, 0, message)
    if "\0" in text:
        raise _at(source, text, text.index("\0"), "the text holds a NUL character")
    return text


def _tree(source: Source, text: str) -> dict[str, Any]:
    try:
        if source.format == "toml":
            tree: Any = tomli.loads(text)
        else:
            tree = json.loads(text, object_pairs_hook=_object, parse_int=_integer)
    except (tomli.TOMLDecodeError, json.JSONDecodeError) as error:
        place = (error.lineno, error.colno)
        raise Unreadable([_refusal(source.name, _plain(error.msg), *place)]) from None
    except RecursionError:
        begins = dialect.first_deeper(text, limits.CONFIGURATION_DEPTH)
        if begins is None:  # a key of very many parts
            raise Unreadable([_refusal(source.name, _TOO_DEEP)]) from None
        raise _at(source, text, begins, _TOO_DEEP) from None
    except ValueError:  # the one left: Python converts no integer of thousands of digits
        digits = _ENDLESS_DIGITS.search(text)
        raise _at(source, text, digits.start() if digits else 0, _TOO_LARGE) from None
    if not isinstance(tree, dict):
        raise _at(source, text, len(text) - len(text.lstrip()), "the top level must be an object")
    return tree


def _plain(message: str) -> str:
    """A parser's message with a small first letter and with keys as people write them."""
    shown = _KEYS.sub(lambda key: format_key(ast.literal_eval(key[0])), message)
    shown = shown.replace("overwrite a value", "give a key a second value")
    return shown[:1].lower() + shown[1:]


class _Repetitive(dict[str, Any]):
    """An object that gives a key twice.

    JSON leaves the meaning of that open (RFC 8259, section 4), TOML forbids it; taking one of two
    values in silence is how an edited file fails to do what it says.  So it is refused.
    """

    repeated: list[str]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    repetitive = _Repetitive(members)
    counts = Counter(key for key, _ in pairs)
    repetitive.repeated = [key for key, count in counts.items() if count > 1]
    return repetitive


def _integer(digits: str) -> int:
    return int(digits) if len(digits) < 100 else 2**100  # too large either way


def _located(source: Source, tree: dict[str, Any]) -> Iterator[Reason]:
    faults: list[tuple[Path, str]] = []
    _settle(tree, (), faults)
    for path, message in faults:
        shown = path[:8] if message == _TOO_DEEP else path
        yield Reason("config", message, shown, locate((source,), path))


def _settle(container: Any, path: Path, faults: list[tuple[Path, str]]) -> None:
    """Give date-times their final form, in place; note what no configuration can hold."""
    if len(path) >= limits.CONFIGURATION_DEPTH:
        faults.append((path, _TOO_DEEP))
        return
    if isinstance(container, _Repetitive):
        faults.extend(((*path, key), "the key is given twice") for key in container.repeated)
    steps = container.items() if isinstance(container, dict) else enumerate(container)
    for step, value in steps:
        if isinstance(value, dict | list):
            _settle(value, (*path, step), faults)
        elif isinstance(value, datetime):
            try:
                container[step] = dialect.timestamp(value)
            except OverflowError:
                message = "the date-time lies outside of the years 1 to 9999"
                faults.append(((*path, step), message))
        elif fault := _fault(value):
            faults.append(((*path, step), fault))


def _fault(value: Any) -> str | None:
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        return _TOO_LARGE
    if isinstance(value, float) and not math.isfinite(value):
        return "a number must be finite"
    if isinstance(value, date | time):
        return "a date or a time alone is not allowed; write a date with a time, or a string"
    if value is None:
        return "null is not allowed; leave the key out"
    return None


def _update(tree: dict[str, Any], other: dict[str, Any]) -> None:
    """Merge `other` into `tree`, which takes parts of it over."""
    for key, value in other.items():
        present = tree.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            _update(present, value)
        else:
            tree[key] = value


def _at(source: Source, text: str, offset: int, message: str) -> Unreadable:
    return Unreadable([_refusal(source.name, message, *line_and_column(text, offset))])
