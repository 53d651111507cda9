# SPDX-License-Identifier: LGPL-3.0-or-later
"""What stands in the place of a module's configuration where nobody keeps it up to date.

A child of fork(2) has a copy of its parent's module, but not the thread that brings it each change:
what it read there would be old, and nothing would say so.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn


class StaleConfiguration(RuntimeError):
    """The configuration of this process is not kept up to date; the text says what to do."""


class Stale(Mapping[str, Any]):
    """Raises StaleConfiguration for whatever is read from it."""

    def __init__(self, why: str) -> None:
        self.__dict__["why"] = why

    def refuse(self) -> NoReturn:
        """Raise StaleConfiguration."""
        raise StaleConfiguration(self.__dict__["why"])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)  # Python itself looks for these, and means no setting
        self.refuse()

    def __getitem__(self, _: str) -> Any:
        self.refuse()

    def __iter__(self) -> Iterator[str]:
        self.refuse()

    def __len__(self) -> int:  # noqa: PLE0303
        self.refuse()

    def __repr__(self) -> str:
        return "<a configuration that is not kept up to date>"
