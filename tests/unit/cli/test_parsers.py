# SPDX-License-Identifier: LGPL-3.0-or-later
"""No option of any command can be abbreviated: what is short for one is short for two some day."""

import argparse
import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from cli.main import COMMANDS

ROOT = Path(__file__).parents[3]


def all_parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """It, and those of its subcommands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from all_parsers(inner)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_parser_takes_abbreviations(command: str) -> None:
    parsers = list(all_parsers(import_module(COMMANDS[command][0]).parser(command)))
    assert parsers
    assert [parser.prog for parser in parsers if parser.allow_abbrev] == []


@pytest.mark.parametrize("option", ["--config-pat=/x", "--test-s=1", "--setatt=rank=1", "--verb"])
def test_an_option_that_is_cut_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        import_module(COMMANDS["start"][0]).parser("start").parse_args([option, "true"])
    assert f"unrecognized arguments: {option}" in capsys.readouterr().err


def test_every_parser_is_made_of_the_one_class() -> None:
    """One that is made elsewhere would take abbreviations, as argparse does."""
    made = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in sorted((ROOT / "cli").rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("ArgumentParser")
    ]
    # of completion, which parses nothing: it lists the commands
    assert [place.partition(":")[0] for place in made] == ["cli/commands/completion.py"]
