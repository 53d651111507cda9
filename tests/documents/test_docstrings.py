# SPDX-License-Identifier: LGPL-3.0-or-later
"""The examples in docstrings show what happens."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("protocol", "coordinator", "participant", "cli")


def with_examples() -> list[str]:
    """Names of the modules in whose docstrings something is typed."""
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    return [
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in files
        if ">>> " in file.read_text()
    ]


@pytest.mark.parametrize("name", with_examples())
def test_the_examples_show_what_happens(name: str) -> None:
    failed, tried = doctest.testmod(import_module(name))
    assert tried
    assert not failed


def test_there_are_examples() -> None:
    assert len(with_examples()) >= 14
