# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a planted bug is: methods, and how each is spoilt."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Patch:
    """One method of one class; `spoil` makes the wrong one of the right one."""

    owner: type[Any]
    method: str
    spoil: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One bug."""

    words: str
    patches: tuple[Patch, ...]
