# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every mutant there could be, and a sample of them that a seed decides.

The sample is drawn by place, one mutant each: a place where many operators fit (a number, a
comparison) counts once. A larger sample with the same seed begins with the smaller one.
"""

import difflib
import hashlib
import random
import tomllib
from pathlib import Path
from typing import NamedTuple

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from parso.tree import NodeOrLeaf, search_ancestor

from tests.mutation.operators import NAMES, operator

ROOMS = ("protocol", "coordinator/core", "participant/core", "coordinator/ledger")
FILES = ("coordinator/executor.py",)
LEFT_OUT = ("protocol/limits.py",)
"""Figures somebody chose: one more or less is another choice."""

PLANTED = "planted: "
"""Begins the operator of a fault that is written out."""
_LIST = Path(__file__).with_name("planted.toml")
FAULTS: dict[str, dict[str, str]] = {
    fault["name"]: fault for fault in tomllib.loads(_LIST.read_text(encoding="utf-8"))["fault"]
}
"""By name: `words`, `path`, and what `was` in the file and `becomes` of it."""


class Mutant(NamedTuple):
    """One line made wrong: the `occurrence`-th place in the file where the operator fits."""

    path: str
    operator: str
    occurrence: int
    line: int
    source: str
    """Of the file as it was: its SHA-256, so that a result is not taken for that of another."""

    @property
    def key(self) -> str:
        """What a result is found by."""
        return f"{self.path}:{self.source[:12]}:{self.operator}:{self.occurrence}"


class Text(NamedTuple):
    """What a mutant changes, without its line numbers: lines that were, lines that are."""

    was: str
    becomes: str


def sample(tree: Path, seed: int, size: int) -> list[Mutant]:
    """At most `size` mutants, in the order in which they are to be tried."""
    places: dict[tuple[str, int, int], list[Mutant]] = {}
    for path in _paths(tree):
        for column, mutant in _mutants(tree, path):
            places.setdefault((path, mutant.line, column), []).append(mutant)
    dice = random.Random(seed)
    order = sorted(places)
    dice.shuffle(order)
    return [dice.choice(places[place]) for place in order[:size]]


def at(tree: Path, path: str, line: int) -> list[Mutant]:
    """Every mutant of one line."""
    return [mutant for _, mutant in _mutants(tree, path) if mutant.line == line]


def planted(tree: Path) -> list[Mutant]:
    """The faults of `planted.toml`, which are tried with every sample."""
    found = []
    for fault in FAULTS.values():
        code = (tree / fault["path"]).read_text(encoding="utf-8")
        line = code[: code.index(fault["was"])].count("\n") + 1
        found.append(Mutant(fault["path"], PLANTED + fault["name"], 0, line, _digest(code)))
    return found


def spoil(code: str, mutant: Mutant) -> str:
    """The text of the file with this mutant in it."""
    if mutant.operator.startswith(PLANTED):
        fault = FAULTS[mutant.operator.removeprefix(PLANTED)]
        return code.replace(fault["was"], fault["becomes"])
    spoilt = mutate_code(code, operator(mutant.operator), mutant.occurrence)
    assert isinstance(spoilt, str), f"no such place: {mutant}"
    return spoilt


def difference(code: str, spoilt: str) -> Text:
    """The lines that are not the same in both."""
    lines = list(difflib.ndiff(code.splitlines(), spoilt.splitlines()))
    return Text(*(" / ".join(_with_sign(lines, sign)) for sign in ("- ", "+ ")))


def _with_sign(lines: list[str], sign: str) -> list[str]:
    return [line[2:].strip() for line in lines if line.startswith(sign)]


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _paths(tree: Path) -> list[str]:
    files = [path for room in ROOMS for path in (tree / room).rglob("*.py")]
    named = [path.relative_to(tree).as_posix() for path in files]
    return sorted({*named, *FILES} - set(LEFT_OUT))


def _mutants(tree: Path, path: str) -> list[tuple[int, Mutant]]:
    code = (tree / path).read_text(encoding="utf-8")
    source = _digest(code)
    nodes = list(ast_nodes(get_ast(code)))
    found = []
    for name in NAMES:
        fits = operator(name)
        places = [(node, span) for node in nodes for span in fits.mutation_positions(node)]
        for occurrence, (node, ((line, column), _end)) in enumerate(places):
            if not _is_declaration(node):
                found.append((column, Mutant(path, name, occurrence, line, source)))
    return found


def _is_declaration(node: NodeOrLeaf) -> bool:
    """Whether it is part of a type or a decorator (`slots=True`), where nothing is decided."""
    child = node
    while (parent := child.parent) is not None:
        before = child.get_previous_sibling()
        sign = before.get_code().strip() if before is not None else ""
        if parent.type == "funcdef" and sign == "->":
            return True
        if parent.type in ("annassign", "tfpdef") and sign == ":":
            return True
        child = parent
    return search_ancestor(node, "decorator") is not None
