# SPDX-License-Identifier: LGPL-3.0-or-later
"""The values of `--conf`, in all the forms that flux-broker(1) gives them."""

import json
from typing import Any

from coordinator.files.reading import Source, read_sources
from protocol.keys import parse_key


def conf_sources(given: str) -> tuple[Source, ...]:
    """The texts behind one `--conf`.

    `{…}` is JSON, a text with a line break TOML, KEY=VALUE one key (VALUE is JSON, or else a
    string), and anything else the path of a file: JSON where it ends in .json, TOML otherwise.
    Raises ValueError for what is none of these, Unreadable for files.
    """
    name = f"--conf={given:.60}"
    if given.startswith("{"):
        return (Source(name, _encoded(given), "json"),)
    if "\n" in given:
        return (Source(name, _encoded(given), "toml"),)
    typed, equals, text = given.partition("=")
    if equals:
        return (Source(name, _encoded(_one_key(given, typed, text)), "json"),)
    if not given:
        raise ValueError("--conf: expected KEY=VALUE, {…}, TOML or a file")
    return read_sources(given)


def _one_key(given: str, typed: str, text: str) -> str:
    if not typed:
        raise ValueError(f"--conf={given}: value must have a key in KEY=VAL")
    try:
        path = parse_key(typed)
        if not all(isinstance(step, str) for step in path):
            raise ValueError("an array is given as a whole")
    except ValueError as error:
        raise ValueError(f"--conf={given}: setting {typed}: {error}") from None
    try:
        value: Any = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        value = text
    for step in reversed(path):
        value = {str(step): value}
    return json.dumps(value)


def _no_number(name: str) -> None:
    """NaN and Infinity are Python's own; for JSON they are a string as any."""
    raise ValueError(name)


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
