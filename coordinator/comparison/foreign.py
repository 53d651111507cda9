# SPDX-License-Identifier: LGPL-3.0-or-later
"""Tables that other programs read: `accord.foreign` in the configuration itself declares them.

It stands in the files because that is where the tables stand, so that `validate` without a broker,
every broker, and whoever reads the files are told the same.
"""

from collections.abc import Mapping
from typing import Any, Final

TABLE: Final = "accord"
KEY: Final = "foreign"


def foreign_tables(tree: Mapping[str, Any]) -> frozenset[str]:
    """The names in `accord.foreign`; what is no array of strings declares nothing."""
    own = tree.get(TABLE)
    names = own.get(KEY) if isinstance(own, Mapping) else None
    if not isinstance(names, list | tuple):
        return frozenset()
    return frozenset(name for name in names if isinstance(name, str))
