# SPDX-License-Identifier: LGPL-3.0-or-later
"""The documents say what the code does, where that can be checked."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from coordinator.core.diagrams import MACHINES, StateMachine, all_diagrams
from protocol.diagrams import draw, redraw
from protocol.transitions import TRANSACTION, TransactionInput, TransactionState

ROOT = Path(__file__).parents[2]
FOLDERS = ("protocol", "coordinator", "participant", "cli", "tests", "examples")
DESIGN = (ROOT / "docs" / "design.md").read_text()


def test_the_diagrams_are_those_of_the_tables() -> None:
    assert redraw(DESIGN, all_diagrams()) == DESIGN, "run `make diagrams`"
    for text in all_diagrams().values():
        assert text in DESIGN


def test_a_drift_would_be_noticed() -> None:
    drifted = {
        **TRANSACTION,
        (TransactionState.FORCING, TransactionInput.LATE): TransactionState.ABORTED,
    }
    assert draw(drifted, TransactionState.GATHERING) not in DESIGN


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_every_state_can_be_reached(machine: StateMachine) -> None:
    states = set(type(machine.begins[0]))
    reached = set(machine.begins)
    for _ in states:
        reached |= {after for (before, _), after in machine.table.items() if before in reached}
    assert reached == states


def test_every_link_leads_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


NAMED = re.compile(
    r"(?<![\w/.])(?:protocol|coordinator|participant|cli|tests|examples|docs)/[\w./-]*\w"
)
"""Paths of files and folders from the root, as pages, comments and docstrings name them."""
PLACEHOLDERS = {"participant/modules/NAME.py"}


def test_every_file_that_is_named_is_there() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    code = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    missing = [
        f"{file.relative_to(ROOT)} names {path}"
        for file in (*pages, *code)
        for path in NAMED.findall(file.read_text())
        if path not in PLACEHOLDERS and not (ROOT / path).exists()
    ]
    assert missing == []


def test_the_tree_shows_every_folder() -> None:
    tree = DESIGN.partition("```\nprotocol/")[2].partition("\n```\n")[0]
    for folder in ("coordinator", "participant", "cli"):
        rooms = [room for room in (ROOT / folder).iterdir() if (room / "__init__.py").exists()]
        assert [room.name for room in rooms if f"{room.name}/" not in tree] == []
    kinds = [kind.name for kind in (ROOT / "tests").iterdir() if any(kind.glob("*.py"))]
    assert [kind for kind in kinds if f"{kind}/" not in tree] == []


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["dev"], *extras["mutants"]]
    section = DESIGN.partition("\n## Dependencies\n")[2]
    rows = re.findall(r"^\| ([a-z, -]+) \|", section, re.MULTILINE)
    told = {name for row in rows[1:] for name in row.split(", ")}
    assert told == {name.partition(">")[0] for name in wanted}


def test_the_promises_are_those_that_are_checked() -> None:
    checkers = sorted((ROOT / "tests" / "simulation" / "promises").glob("p[0-9]_*.py"))
    heads = [ast.get_docstring(ast.parse(file.read_text())) or "" for file in checkers]
    sentences = [" ".join(head.partition("\n\n")[0].split()).rstrip(".") for head in heads]
    rows = re.findall(r"^\| (P\d) \| (.*) \|$", DESIGN, re.MULTILINE)
    assert [f"{number}: {text}" for number, text in rows] == sentences
    assert len(rows) == 9
