# SPDX-License-Identifier: LGPL-3.0-or-later
"""Values that are fixed by where this program is installed, under the names that Flux gives them.

Of Flux's names those are known that mean something here; the others (shell_path and the like)
belong to parts of Flux that are not here, and are invalid.
"""

import os
import sysconfig
from collections.abc import Callable

_CLI = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_TREE = os.path.dirname(_CLI)
_SHORTHANDS = ("system", "security", "imp")


def value_of(name: str, intree: bool | None = None) -> str | None:
    """The value of a name; None where there is no such name.

    `intree` chooses between the source tree and an installation; None finds out.
    """
    if name not in _VALUES:
        return None
    here = _runs_in_tree() if intree is None else intree
    return _VALUES[name][0 if here else 1]()


def below_confdir(shorthand: str) -> str | None:
    """The directory that `system`, `security` or `imp` stands for; None for anything else."""
    if shorthand not in _SHORTHANDS:
        return None
    return os.path.join(str(value_of("confdir")), shorthand, "conf.d")


def _runs_in_tree() -> bool:
    return os.path.isfile(os.path.join(_TREE, "pyproject.toml"))


def _prefix() -> str:
    return sysconfig.get_path("data")


def _sysconfdir() -> str:
    """As the GNU coding standards have it: /etc for what is installed in /usr."""
    return "/etc" if _prefix() in ("/usr", "/usr/local") else os.path.join(_prefix(), "etc")


def _runstatedir() -> str:
    return "/run" if _prefix() in ("/usr", "/usr/local") else os.path.join(_prefix(), "run")


_Place = Callable[[], str]
_VALUES: dict[str, tuple[_Place, _Place]] = {
    "bindir": (lambda: sysconfig.get_path("scripts"), lambda: sysconfig.get_path("scripts")),
    "confdir": (lambda: f"{_TREE}/etc/flux", lambda: f"{_sysconfdir()}/flux"),
    "exec_path": (lambda: f"{_TREE}/cli", lambda: _CLI),
    "module_path": (
        lambda: f"{_TREE}/participant/modules",
        lambda: os.path.join(sysconfig.get_path("purelib"), "participant", "modules"),
    ),
    "python_path": (lambda: _TREE, lambda: sysconfig.get_path("purelib")),
    "rundir": (lambda: f"{_runstatedir()}/flux", lambda: f"{_runstatedir()}/flux"),
}
