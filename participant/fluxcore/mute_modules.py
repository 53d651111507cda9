# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which of flux-core's own modules have no config-prepare: they are not asked for it every time.

Code does not learn.  It is asked again where a name has other code behind it, and for good where
the file of that code was replaced, as nobody tells when a module is loaded anew.
"""

import os
from collections.abc import Iterable, Mapping
from typing import TypeAlias

Paths: TypeAlias = Mapping[str, str]
"""Names of modules that are loaded, and the files of their code, as module.list tells them."""

_BUILT_IN = "builtin"


class MuteModules:
    """Those of one broker."""

    def __init__(self) -> None:
        self._code: dict[str, tuple[str, tuple[int, ...]]] = {}
        """Those that are known to have none, with the path of the code, and what file that is."""
        self._doubtful: set[str] = set()
        """Whose file was replaced."""

    @property
    def names(self) -> Iterable[str]:
        """Those that need not be asked."""
        return self._code.keys()

    def learn(self, loaded: Paths, names: Iterable[str]) -> None:
        """These have been asked, and have no such method."""
        for name in names:
            path = loaded.get(name)
            if path is not None and name not in self._doubtful and name not in self._code:
                file = _file(path)
                if file is not None:
                    self._code[name] = path, file

    def look(self, loaded: Paths) -> None:
        """These are loaded now."""
        for name, (path, file) in list(self._code.items()):
            if loaded.get(name) != path:
                del self._code[name]
            elif _file(path) != file:
                del self._code[name]
                self._doubtful.add(name)


def _file(path: str) -> tuple[int, ...] | None:
    """What tells one file from another at the same path; None where there is none."""
    if path == _BUILT_IN:
        return ()
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
