# SPDX-License-Identifier: LGPL-3.0-or-later
"""From what a user typed to a module: bundled names, FLUX_MODULE_PATH, files."""

import importlib
import importlib.util
import inspect
import os
import sys
from typing import TYPE_CHECKING

from participant.imports import beside
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
    """The bundled name, or the absolute path of the file, behind `typed`.

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
    looked = f"bundled modules and {PATH_VARIABLE}={places}" if places else "bundled modules"
    near = did_you_mean(typed, loadable_names() if search is None else BUNDLED)
    raise NotFound(f"{typed}: no such module (looked among {looked}){near}")


def loadable() -> list[dict[str, str]]:
    """Name, path and purpose of all bundled modules and of those on FLUX_MODULE_PATH.

    Files of others are not run for a list, so their purpose is not told.
    """
    modules = {
        name: {"name": name, "path": name, "purpose": load(name).purpose()} for name in BUNDLED
    }
    for name, path in _on_path():
        modules[name] = {"name": name, "path": path, "purpose": path}
    return list(modules.values())


def loadable_names() -> list[str]:
    """The names alone; no module is run, or imported, for that."""
    return list(dict.fromkeys((*BUNDLED, *(name for name, _ in _on_path()))))


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
        return _load_file(located) if os.path.isabs(located) else _load_bundled(located)
    except Unloadable:
        raise
    except Untrusted as untrusted:
        raise Unloadable(f"{located}: not loaded: {untrusted}") from untrusted
    except SyntaxError as error:
        place = f"{error.filename}:{error.lineno}"
        raise Unloadable(f"{place}: {error.msg}") from error
    except BaseException as error:
        raise Unloadable(
            f"{located}: importing it raised {type(error).__name__}: {error}"
        ) from error


def _load_bundled(name: str) -> "type[Module]":
    module = importlib.import_module(BUNDLED[name])
    return _only_module_in(module.__name__, vars(module), name)


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
    from participant.contract import NotAModule, check, check_strays
    from participant.module import Module

    classes = [
        value
        for value in names.values()
        if inspect.isclass(value) and issubclass(value, Module) and value.__module__ == where
    ]
    if len(classes) != 1:
        count = "no class" if not classes else f"{len(classes)} classes"
        raise Unloadable(f"{shown}: defines {count} derived from participant.Module, not one")
    try:
        check(classes[0])
        check_strays(classes[0], names)
    except NotAModule as fault:
        raise Unloadable(f"{shown}: not loaded: {fault}") from fault
    return classes[0]


def _is_file_name(typed: str) -> bool:
    return "/" in typed or typed.endswith(".py")
