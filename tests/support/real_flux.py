# SPDX-License-Identifier: LGPL-3.0-or-later
"""A real Flux for tests: where it is, and what it takes to talk to it.

FLUX_CORE names its `flux`; otherwise the first `flux` on PATH that is not ours is taken.
"""

import os
import subprocess
import sys
from functools import cache
from importlib import import_module
from typing import Any, Final

from fluxcore.bindings import find_flux
from fluxcore.command import named_or_found
from tests.support.patience import PATIENCE

NO_MODULES: Final = ("-Sbroker.rc1_path=", "-Sbroker.rc3_path=")
"""Options of `flux start`: nothing but the built-in modules; 0.2 s instead of 4 s."""


@cache
def real_flux() -> str | None:
    """The path of a real `flux`, or None.  Raises NoFlux where FLUX_CORE names none."""
    return find_flux() if named_or_found() else None


def why_not() -> str:
    """Why tests that need a real Flux, or Python that can talk to it, cannot run; or empty."""
    flux = real_flux()
    if flux is None:
        return "no real Flux: FLUX_CORE is not set, and no `flux` on PATH is flux-core's"
    try:
        bindings()
    except (ImportError, OSError, subprocess.CalledProcessError) as error:
        return f"{flux}: its Python bindings cannot be used here: {error}"
    return ""


@cache
def bindings_path() -> str:
    """The directory of `flux`'s bindings for this Python.  Raises CalledProcessError."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    command = [real_flux() or "flux", version, "--get-path"]
    return subprocess.run(
        command, env=outside(), text=True, check=True, capture_output=True, timeout=PATIENCE
    ).stdout.strip()


@cache
def bindings() -> Any:
    """The package `flux`.  Raises ImportError (it needs cffi and yaml) or CalledProcessError."""
    if bindings_path() not in sys.path:
        sys.path.append(bindings_path())
    return import_module("flux")


def outside(**more: str) -> dict[str, str]:
    """This environment as it would be outside of any instance, and `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLUX_")}
    return {**kept, **more}
