"""Bugs planted."""

from collections.abc import Iterator
from contextlib import contextmanager

PLANTED: dict[str, str] = {}


@contextmanager
def planted(name: str | None) -> Iterator[None]:
    yield
