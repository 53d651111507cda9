# SPDX-License-Identifier: LGPL-3.0-or-later
"""Plugins of the job manager, and the tables that its plugin perilog.so reads.

The list of plugins is read once, when the job manager starts; perilog's tables whenever perilog is
loaded.
"""

import os
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from participant.module import Reject
from participant.modules.tables.base import LaxTable, StrictTable
from participant.settings.field import Field
from participant.settings.types import FSD
from protocol.formats.quoted import quoted

PERILOG: Final = "perilog.so"

BUILT_IN: Final = (
    ".priority-default",
    ".limit-job-size",
    ".limit-duration",
    ".dependency-after",
    ".dependency-singleton",
    ".begin-time",
    ".validate-duration",
    ".update-duration",
    ".history",
    ".post-event",
)
"""Plugins that the job manager of flux-core 0.88 begins with."""

INSTALLED: Final = ("perilog.so", "submit-hold.so", "alloc-bypass.so", "alloc-check.so")
"""Plugins that flux-core 0.88 installs where the job manager looks for them."""


class Plugin(LaxTable):
    """One element of `job-manager.plugins`: first removes, then loads."""

    load: str | None = Field(None, description="plugin to load: a name or a path")
    remove: str | None = Field(None, description='plugins to remove: a name, a glob, or "all"')
    conf: dict[str, Any] | None = Field(None, description="for the plugin that is loaded")


def _regular_expression(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, RecursionError) as error:
        raise ValueError(f"{quoted(text)} is not a regular expression: {error}") from None
    return text


class Perilog(LaxTable):
    """The table `job-manager.perilog`."""

    log_ignore: list[Annotated[str, AfterValidator(_regular_expression)]] = Field(
        default_factory=list, description="regular expressions; matching output is not logged"
    )


class Prolog(StrictTable):
    """The table `job-manager.prolog`: what runs before a job."""

    command: list[str] | None = Field(
        None, description="what to run; default: the IMP of exec.imp, told to run it"
    )
    timeout: FSD = Field("30m", description="time it may take; 0 or infinity for any")
    kill_timeout: float = Field(60.0, description="seconds until it is killed; 0 for the default")
    per_rank: bool = Field(False, description="run on each of the job's ranks")
    cancel_on_exception: bool = Field(True, description="stop when the job gets an exception")
    exit_on_first_error: bool = Field(False, description="stop all when one rank fails")


class Epilog(Prolog):
    """The table `job-manager.epilog`: what runs after a job."""

    timeout: FSD = Field("0", description="time it may take; 0 or infinity for any")
    cancel_on_exception: bool = Field(False, description="stop when the job gets an exception")


def loads_perilog(config: Mapping[str, Any]) -> bool:
    """Returns True if a start with this configuration, whatever its shape, loads perilog."""
    table = config.get("job-manager")
    plugins = table.get("plugins") if isinstance(table, Mapping) else None
    loaded = False
    for entry in plugins if isinstance(plugins, tuple | list) else ():
        if not isinstance(entry, Mapping):
            continue
        remove, load = entry.get("remove"), entry.get("load")
        if isinstance(remove, str) and _matching(remove, [PERILOG]):
            loaded = False
        if isinstance(load, str) and os.path.basename(load) == PERILOG:
            loaded = True
    return loaded


def loaded_after(plugins: Iterable[Plugin]) -> list[str] | list[Reject]:
    """The plugins that are loaded once all entries are worked off, or what stops them."""
    loaded = list(BUILT_IN)
    rejects: list[Reject] = []
    for number, entry in enumerate(plugins):
        if entry.remove is not None:
            matching = _matching(entry.remove, loaded)
            if not matching and entry.remove != "all":
                rejects.append(_reject(number, "remove", entry.remove, "matches no loaded plugin"))
            loaded = [name for name in loaded if name not in matching]
        if entry.load is not None:
            if not _exists(entry.load):
                rejects.append(_reject(number, "load", entry.load, "does not exist"))
            loaded.append(os.path.basename(entry.load))
    return rejects or loaded


def _reject(number: int, key: str, text: str, why: str) -> Reject:
    return Reject(f"{quoted(text)} {why}", key=("plugins", number, key), table="job-manager")


def _matching(pattern: str, names: Iterable[str]) -> list[str]:
    """Names that `remove` means; built-in ones, which begin with a dot, only if it says so."""
    return [
        name
        for name in names
        if name == pattern
        or ((pattern == "all" or fnmatchcase(name, pattern)) and name[0] != ".")
        or (pattern[:1] == "." and fnmatchcase(name, pattern))
    ]


def _exists(plugin: str) -> bool:
    if "/" in plugin:
        return os.path.isfile(plugin)
    return plugin in BUILT_IN or plugin in INSTALLED
