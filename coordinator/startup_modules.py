# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which modules come up with a broker: bundled ones, those of installed packages, a directory's.

In this order; an entry of the directory takes the place of a module of the same name, as the last
entry does for flux-modprobe(1), so that a site can give a bundled module arguments or another
file.  Two packages, or a package and a bundled module, that claim one name are refused unless such
an entry decides: nobody's module is replaced without anybody having said so.
"""

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

from coordinator.core.requests import Spec
from coordinator.files.module_files import NamedModule, read_module_files
from coordinator.files.reading import Unreadable
from coordinator.runtime.directories import Unusable, check_given
from protocol.reasons import Reason

Modules = tuple[tuple[str, Spec], ...]
"""Names, and what to run for each, in the order of starting."""


class Package(NamedTuple):
    """A module that an installed package brings."""

    name: str
    located: str
    package: str


def startup_modules(
    bundled: Iterable[str],
    packages: Iterable[Package],
    directory: str | None,
    resolve: Callable[[str], str],
) -> Modules:
    """What a start brings up.  `resolve` finds a module by its name or file (raises LookupError).

    Raises Unreadable: with every fault, and its place where it is in a file.
    """
    entries = _read(directory) if directory is not None else ()
    decided = {entry.name for entry in entries}
    specs: dict[str, Spec] = {name: Spec(name) for name in bundled}
    owners: dict[str, str] = dict.fromkeys(specs, "flux-accord")
    reasons: list[Reason] = []
    for found in packages:
        if found.name in owners and found.name not in decided:
            reasons.append(_claimed_twice(found, owners[found.name]))
        owners[found.name] = found.package
        specs[found.name] = Spec(found.located)
    for entry in entries:
        try:
            specs[entry.name] = Spec(resolve(_typed(entry)), entry.arguments)
        except LookupError as error:
            reasons.append(Reason("modprobe", str(error), origin=entry.place))
    if reasons:
        raise Unreadable(reasons)
    return tuple(specs.items())


def _claimed_twice(found: Package, other: str) -> Reason:
    return Reason(
        "modprobe",
        f"the packages {other} and {found.package} both bring a module {found.name}; uninstall "
        f"one of them, or say which in a file of modprobe.directory: [[modules]] name = "
        f'"{found.name}", module = "{found.located}"',
    )


def _read(directory: str) -> tuple[NamedModule, ...]:
    try:
        check_given(directory, "module directory", ".toml")
    except Unusable as error:
        raise Unreadable([Reason("modprobe", str(error))]) from None
    return read_module_files(directory)


def _typed(entry: NamedModule) -> str:
    """A file that is named relatively is looked for beside the file that names it."""
    is_file = "/" in entry.module or entry.module.endswith(".py")
    return os.path.join(os.path.dirname(entry.file), entry.module) if is_file else entry.module
