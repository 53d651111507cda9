# SPDX-License-Identifier: LGPL-3.0-or-later
"""Modules that installed packages bring: entry points of the group `flux_accord.modules`.

A package says `NAME = "package.file:Class"` in it (packaging.python.org, "Entry points
specification").  Nothing of a package is imported to list them, and `importlib.metadata`, which
takes as long to import as a quiet start, only where there are any.

What is installed in this Python's environment is trusted as this program itself is: whoever can
write there can change this program as well.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

GROUP = "flux_accord.modules"
_HEADER = f"[{GROUP}]".encode()


class InstalledModule(NamedTuple):
    """A module of an installed package."""

    name: str
    located: str
    """`package.file:Class`, or with nothing after the colon, where the file has one class."""
    package: str
    """The distribution that says so, for people."""


def installed(path: Sequence[str] | None = None) -> list[InstalledModule]:
    """What the packages on `path` (default: sys.path) bring, by name; a name may be there twice."""
    found: list[InstalledModule] = []
    packages: set[str] = set()
    for directory in dict.fromkeys(sys.path if path is None else path):
        for metadata in _with_modules(directory):
            from importlib.metadata import Distribution
            from pathlib import Path

            package = Distribution.at(Path(metadata))
            name = package.metadata["Name"] or os.path.basename(metadata)
            if name in packages:
                continue  # Python, too, takes the one that comes first on the path
            packages.add(name)
            found += [
                InstalledModule(point.name, _located(point.value), name)
                for point in package.entry_points
                if point.group == GROUP
            ]
    return sorted(found)


def _located(value: str) -> str:
    value = "".join(value.partition("[")[0].split())  # without extras and blanks
    return value if ":" in value else f"{value}:"


def _with_modules(directory: str) -> Iterator[str]:
    """Metadata directories in it that have something to say to us."""
    try:
        names = sorted(os.listdir(directory or "."))
    except OSError:
        return
    for name in names:
        if not name.endswith((".dist-info", ".egg-info")):
            continue
        metadata = os.path.join(directory, name)
        with suppress(OSError), open(os.path.join(metadata, "entry_points.txt"), "rb") as file:
            if _HEADER in file.read():
                yield metadata
