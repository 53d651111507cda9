# SPDX-License-Identifier: LGPL-3.0-or-later
"""From what a user typed to a module: bundled names, FLUX_MODULE_PATH, packages, files."""

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from typing import TYPE_CHECKING

from participant.imports import beside
from participant.installed import installed
from participant.modules import BUNDLED
from participant.trust import Untrusted, check_file
from protocol.nearest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from participant.module import Module

PATH_VARIABLE = "FLUX_MODULE_PATH"


class NotFound(LookupError):
    """There is no such module; the text says where was looked."""


class Unloadable(Exception):
    """There is a file, but no module comes out of it."""


def name_of(typed: str) -> str:
    """The name under which a module that is loaded as `typed` joins.

    >>> name_of("./my_service.py")
    'my-service'
    """
    if not _is_file_name(typed):
        return typed
    return os.path.basename(typed).removesuffix(".py").replace("_", "-")


def resolve(typed: str, search: str | None = None) -> str:
    """The bundled name, `package.file:Class`, or the absolute path of the file, behind `typed`.

    `search` is a colon-separated list of directories (default: FLUX_MODULE_PATH).  Raises NotFound.
    """
    if _is_file_name(typed):
        if not os.path.isfile(typed):
            raise NotFound(f"{typed}: no such module file")
        return os.path.abspath(typed)
    places = os.environ.get(PATH_VARIABLE, "") if search is None else search
    for directory in filter(None, places.split(":")):
        for stem in {typed, typed.replace("-", "_")}:
            path = os.path.join(directory, f"{stem}.py")
            if os.path.isfile(path):
                return os.path.abspath(path)
    if typed in BUNDLED:
        return typed
    for module in installed():
        if typed in (module.name, module.located):
            return module.located
    looked = "bundled and installed modules" + (f" and {PATH_VARIABLE}={places}" if places else "")
    near = did_you_mean(typed, loadable_names() if search is None else BUNDLED)
    raise NotFound(f"{typed}: no such module (looked among {looked}){near}")


def loadable() -> list[dict[str, str]]:
    """Name, path and purpose of all modules that are bundled, installed or on FLUX_MODULE_PATH.

    Files of others are not run for a list, so their purpose is not told.
    """
    modules = {
        name: {"name": name, "path": name, "purpose": load(name).purpose()} for name in BUNDLED
    }
    for brought in installed():
        purpose = f"of the package {brought.package}"
        modules.setdefault(brought.name, {"name": brought.name, "path": brought.located,
                                          "purpose": purpose})  # fmt: skip
    for name, path in _on_path():
        modules[name] = {"name": name, "path": path, "purpose": path}
    return list(modules.values())


def loadable_names() -> list[str]:
    """The names alone; no module is run, or imported, for that."""
    of_packages = (module.name for module in installed())
    return list(dict.fromkeys((*BUNDLED, *of_packages, *(name for name, _ in _on_path()))))


def _on_path() -> "Iterator[tuple[str, str]]":
    """Name and file of what is on FLUX_MODULE_PATH; of one name the last counts."""
    for directory in reversed(os.environ.get(PATH_VARIABLE, "").split(":")):
        for file in sorted(os.listdir(directory)) if os.path.isdir(directory) else ():
            if file.endswith(".py") and not file.startswith("_"):
                path = os.path.abspath(os.path.join(directory, file))
                yield name_of(path), path


def load(located: str) -> "type[Module]":
    """The Module class behind what `resolve` returned; whatever the file does, only Unloadable."""
    try:
        if os.path.isabs(located):
            return _load_file(located)
        return _load_installed(located) if ":" in located else _load_bundled(located)
    except Unloadable:
        raise
    except Untrusted as untrusted:
        raise Unloadable(f"{located}: not loaded: {untrusted}") from untrusted
    except SyntaxError as error:
        place = f"{error.filename}:{error.lineno}" if error.filename else located  # as for a NUL
        raise Unloadable(f"{place}: {error.msg}") from error
    except BaseException as error:
        told = str(error)
        if type(error).__module__.startswith("pydantic"):  # a link to its documentation follows
            told = told.partition("\n")[0]
        where, kind = _place_in(located, error), type(error).__name__
        raise Unloadable(f"{where}: importing it raised {kind}: {told}") from error


def _place_in(located: str, error: BaseException) -> str:
    """The line of the author's file that it came from, where it did."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == located]
    return f"{located}:{lines[-1]}" if lines else located


def _load_bundled(name: str) -> "type[Module]":
    module = importlib.import_module(BUNDLED[name])
    return _only_module_in(module.__name__, vars(module), name)


def _load_installed(located: str) -> "type[Module]":
    file, _, wanted = located.partition(":")
    names = vars(importlib.import_module(file))
    if not wanted:
        return _only_module_in(file, names, located)
    if wanted not in names:
        raise Unloadable(f"{located}: there is no {wanted} in {file}")
    return _sound_module(names[wanted], names, located)


def _load_file(path: str) -> "type[Module]":
    stem = os.path.basename(path).removesuffix(".py")
    spec = importlib.util.spec_from_file_location(f"flux_module_{stem}", path)
    if spec is None or spec.loader is None:
        raise Unloadable(f"{path}: not a Python file (*.py)")
    module = importlib.util.module_from_spec(spec)
    with beside(os.path.dirname(path)):
        check_file(path)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    return _only_module_in(spec.name, vars(module), path)


def _only_module_in(where: str, names: dict[str, object], shown: str) -> "type[Module]":
    from participant.module import Module

    classes = [
        value
        for value in names.values()
        if inspect.isclass(value) and issubclass(value, Module) and value.__module__ == where
    ]
    if len(classes) != 1:
        count = "no class" if not classes else f"{len(classes)} classes"
        raise Unloadable(f"{shown}: defines {count} derived from participant.Module, not one")
    return _sound_module(classes[0], names, shown)


def _sound_module(found: object, names: dict[str, object], shown: str) -> "type[Module]":
    """It, if it keeps what a module promises; `names` are those beside it."""
    from participant.contract import NotAModule, check, check_strays
    from participant.module import Module

    if not (inspect.isclass(found) and issubclass(found, Module)):
        raise Unloadable(f"{shown}: is no class derived from participant.Module")
    try:
        check(found)
        check_strays(found, names)
    except NotAModule as fault:
        raise Unloadable(f"{shown}: not loaded: {fault}") from fault
    return found


def _is_file_name(typed: str) -> bool:
    return "/" in typed or typed.endswith(".py")
