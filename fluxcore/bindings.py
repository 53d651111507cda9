# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where flux-core and its Python bindings are.

The bindings belong to one minor version of Python and are not on anybody's search path: `flux
pythonX.Y --get-path` tells where they are (flux-python(1)).
"""

import os
import subprocess
import sys
from importlib import import_module
from typing import Any

from fluxcore.command import FLUX_CORE, named_or_found

_SECONDS = 30


class NoFlux(Exception):
    """There is no flux-core, or no bindings of it for this Python; the text says what to do."""


def find_flux() -> str:
    """The path of flux-core's `flux`.  Raises NoFlux."""
    found = named_or_found()
    if found is None:
        raise NoFlux(f"no flux-core on PATH; put its `flux` there, or its path into {FLUX_CORE}")
    if not os.access(found, os.X_OK):
        raise NoFlux(f"{FLUX_CORE}={found}: there is no such program")
    return found


def load(name: str) -> Any:
    """A module of flux-core's bindings (`flux`, `flux.core.inner`).  Raises NoFlux."""
    try:
        return import_module(name)
    except ImportError:
        sys.path.append(_bindings())
    try:
        return import_module(name)
    except ImportError as error:
        raise NoFlux(
            f"flux-core's bindings cannot be loaded: {error}; see docs/fluxcore.md"
        ) from None


def search_path() -> list[str]:
    """Directories in which another Python process finds what the bindings are made of.

    Raises NoFlux.
    """
    found = [load("_flux").__path__[0], load("_cffi_backend").__file__]
    return [os.path.dirname(os.path.abspath(path)) for path in found]


def _bindings() -> str:
    """The directory of the bindings for this Python."""
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    command = [find_flux(), python, "--get-path"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if told.returncode or not told.stdout.strip():
        raise NoFlux(
            f"{command[0]} has no bindings for {python}: install flux-accord for the Python that "
            "flux-core was built for (`flux python --version`)"
        )
    return told.stdout.strip()
