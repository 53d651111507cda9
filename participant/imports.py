# SPDX-License-Identifier: LGPL-3.0-or-later
"""While an author's file is imported, the other files beside it can be imported, too.

Only while it is, and only after everything that Python and the installed packages have: a file
`json.py` or `protocol.py` of an author is not taken for the one that everybody means.  And only
files that nobody else could have written (participant/trust.py).
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import invalidate_caches
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

from participant.trust import check_directory, check_file

_ours: dict[str, ModuleType] = {}
"""What has been imported from beside the file that was loaded last."""


class _Beside(MetaPathFinder):
    """Finds modules and packages in one directory, when nobody else has."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.found: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None:  # within a package, which says itself where its parts are
            return None
        spec = PathFinder.find_spec(fullname, [self.directory], target)
        if spec is None or spec.origin is None:
            return spec
        check_file(spec.origin)
        if spec.submodule_search_locations:
            check_directory(spec.submodule_search_locations[0])
        self.found.add(fullname)
        return spec


@contextmanager
def beside(directory: str) -> Iterator[None]:
    """Let what is in `directory` be imported.  Raises Untrusted where others can write there.

    Two authors may both have a `helpers.py`: what came from the directory of the file that was
    loaded before is imported anew.
    """
    check_directory(directory)
    for name, module in _ours.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]
    _ours.clear()
    finder = _Beside(directory)
    invalidate_caches()
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in finder.found:
                _ours[name] = module
