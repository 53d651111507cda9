# SPDX-License-Identifier: LGPL-3.0-or-later
"""Files that say which modules are started with the broker, in the form of flux-modprobe(1).

    [[modules]]
    name = "cooling"
    module = "/usr/lib/site/cooling.py"
    args = ["interval=5s"]

Of Flux's keys those are known that mean something here; the others are refused by name: a file
that was written for Flux's modprobe must not seem to be obeyed where it is not.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from coordinator.files.parsing import merge
from coordinator.files.positions import find_position
from coordinator.files.reading import Source, Unreadable, read_sources
from protocol import limits
from protocol.keys import Path, format_key, parse_key
from protocol.reasons import Origin, Reason

_TOGETHER = "all modules are started together, and are admitted to one configuration"
_ONE_BROKER = "there is one broker here"
_NOT_HERE = {
    "after": _TOGETHER,
    "exec": "each module is a process of its own",
    "needs": _TOGETHER,
    "needs-attrs": "leave the entry out, or say disabled",
    "needs-config": "a module whose table is absent is idle",
    "needs-env": "leave the entry out, or say disabled",
    "priority": "a name is given once",
    "provides": "a module has one name",
    "ranks": _ONE_BROKER,
    "requires": _TOGETHER,
}
_KNOWN = ("name", "module", "args", "disabled")


class NamedModule(NamedTuple):
    """One `[[modules]]`."""

    name: str
    module: str
    """What to load, as it was written."""
    arguments: tuple[tuple[str, str], ...]
    file: str
    place: Origin
    """Of its name."""


def read_module_files(directory: str) -> tuple[NamedModule, ...]:
    """The entries of the `*.toml` in `directory`: by the bytes of the file names, then as written.

    Entries that say `disabled = true` are left out.  Raises Unreadable, with every fault and its
    place; a name that is given twice is one.
    """
    entries: list[NamedModule] = []
    reasons: list[Reason] = []
    for source in read_sources(directory):
        try:
            tree = merge((source,)).plain()
        except Unreadable as error:
            reasons += error.reasons
            continue
        found, faults = _entries(source, tree)
        entries += found
        reasons += faults
    reasons += _given_twice(entries)
    if reasons:
        raise Unreadable(reasons)
    return tuple(entries)


def _given_twice(entries: list[NamedModule]) -> Iterator[Reason]:
    first: dict[str, NamedModule] = {}
    for entry in entries:
        earlier = first.setdefault(entry.name, entry)
        if earlier is not entry:
            yield Reason(
                "modprobe",
                f"the name {entry.name} is given twice; the other is at {earlier.place}",
                origin=entry.place,
            )


def _entries(source: Source, tree: dict[str, Any]) -> tuple[list[NamedModule], list[Reason]]:
    entries: list[NamedModule] = []
    reasons: list[Reason] = []

    def fault(key: Path, message: str) -> None:
        reasons.append(Reason("modprobe", message, key, find_position((source,), key)))

    for key in tree:
        if key != "modules":
            fault((key,), "only [[modules]] is known here")
    listed = tree.get("modules", [])
    if not isinstance(listed, list):
        fault(("modules",), "must be an array of tables: [[modules]]")
        return entries, reasons
    for number, entry in enumerate(listed):
        at: Path = ("modules", number)
        if not isinstance(entry, dict):
            fault(at, "must be a table: [[modules]]")
            continue
        faults = [*_faults(entry)]
        for step, message in faults:
            fault((*at, *step), message)
        if not faults and not entry.get("disabled", False):
            place = find_position((source,), (*at, "name")) or Origin(source.name)
            name = str(entry["name"])
            arguments = tuple(map(_assignment, entry.get("args", [])))
            entries.append(
                NamedModule(name, str(entry.get("module", name)), arguments, source.name, place)
            )
    return entries, reasons


def _faults(entry: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """What is wrong with one entry: where in it, and what."""
    for key in entry:
        if key in _NOT_HERE:
            yield (key,), f"a key of flux-modprobe(1) that is not here: {_NOT_HERE[key]}"
        elif key not in _KNOWN:
            yield (key,), f"unknown key; known are {', '.join(_KNOWN)}"
    name = entry.get("name")
    if name is None:
        yield (), "has no name"
    elif not (isinstance(name, str) and 0 < len(name) <= limits.NAME_LENGTH and _printable(name)):
        yield ("name",), "is no name for a module"
    module = entry.get("module", "-")
    if not (isinstance(module, str) and module and _printable(module)):
        yield ("module",), "must be the name or the file of a module"
    if not isinstance(entry.get("disabled", False), bool):
        yield ("disabled",), "must be true or false"
    yield from _faults_of_arguments(entry.get("args", []))


def _faults_of_arguments(given: Any) -> Iterator[tuple[Path, str]]:
    if not isinstance(given, list):
        yield ("args",), 'must be an array of strings: ["KEY=VALUE", …]'
        return
    if len(given) > limits.ARGUMENTS:
        yield ("args",), f"a module can be given at most {limits.ARGUMENTS} load arguments"
    length = sum(len(argument) for argument in given if isinstance(argument, str))
    if length > limits.ARGUMENTS_LENGTH:
        yield ("args",), f"are longer than {limits.ARGUMENTS_LENGTH} characters"
    for number, argument in enumerate(given):
        try:
            _assignment(argument)
        except ValueError as error:
            yield ("args", number), str(error)


def _assignment(argument: Any) -> tuple[str, str]:
    """Key and value of KEY=VALUE.  Raises ValueError."""
    if not isinstance(argument, str):
        raise ValueError("must be a string: KEY=VALUE")
    key, equals, value = argument.partition("=")
    if not equals or not key:
        raise ValueError(f"{argument!r:.60} is no assignment; write KEY=VALUE")
    return format_key(parse_key(key)), value


def _printable(text: str) -> bool:
    return text.isprintable()
