# SPDX-License-Identifier: LGPL-3.0-or-later
"""docs/flux-compat.md lists every command and option, ours and Flux's.

data/flux-options.txt has those of flux-core 0.88, from its manual pages and, where
those leave one out, its programs; tests/fluxcore/test_command_line.py asks a real one again.
"""

import argparse
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from cli.main import COMMANDS
from cli.manual.parsers import subcommands
from cli.options.parser import Parser
from tests.support.patience import PATIENCE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "flux-compat.md").read_text()
LISTED = Path(__file__).parent / "data" / "flux-options.txt"
VERDICTS = {"same", "differs", "not here", "ours"}
HERE = {"same", "differs", "ours"}
Place = tuple[str, str]
"""A command, and an option of it or nothing."""


def rows() -> dict[Place, str]:
    """The verdict on each command and option, as the page has it."""
    found: dict[Place, str] = {}
    for line in PAGE.partition("## The command line")[2].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| `") or len(cells) != 4:
            continue
        commands, options, verdict, why = cells
        assert verdict in VERDICTS, line
        assert why or verdict in ("same", "ours", "not here"), f"differs in what? {line}"
        for command in re.findall(r"`([^`]+)`", commands):
            for option in re.findall(r"`([^`]+)`", options) or [""]:
                assert (command, option) not in found, f"{command} {option} is listed twice"
                found[command, option] = verdict
    return found


def theirs() -> set[Place]:
    """The commands and options of flux-core."""
    lines = LISTED.read_text().splitlines()
    return {(command, option) for command, _, option in (line.partition("\t") for line in lines)}


def parsers() -> dict[str, Parser]:
    """The parser of every command that can be called, by its words without `flux`."""
    found: dict[str, Parser] = {}

    def take(name: str, parser: Parser) -> None:
        for inner, below, _ in subcommands(parser):
            take(f"{name} {inner}", below)
        if not subcommands(parser):
            found[name] = parser

    for name, (where, _) in COMMANDS.items():
        take(name, import_module(where).parser(name))
    return found


def ours() -> set[Place]:
    """Our commands and options."""
    return {(name, option) for name, parser in parsers().items()
            for option in ("", *(option for action in parser._actions
                                 if not isinstance(action, argparse._HelpAction)
                                 and action.help != argparse.SUPPRESS
                                 for option in action.option_strings))}  # fmt: skip


ALIASES = {"config", "module unload"}
"""On the page, and no command with a parser of its own."""


def test_every_command_and_option_of_ours_is_on_the_page() -> None:
    page = rows()
    here = {place for place, verdict in page.items() if verdict in HERE and place[0] not in ALIASES}
    assert ours() - here - {("module debug", "")} == set(), "not on the page, or as not here"
    assert here - ours() == set(), "on the page, and not here"


def test_every_command_and_option_of_flux_is_on_the_page() -> None:
    page = rows()
    assert len(theirs()) > 120
    assert theirs() - page.keys() == set()
    alone = {place for place, verdict in page.items() if verdict == "ours"}
    assert theirs() & alone == set(), "called ours, and Flux has it"
    compared = {place for place, verdict in page.items() if verdict != "ours"}
    assert compared - theirs() == {("config", "")}, "compared with what Flux has not"


def refused() -> list[Place]:
    """What is not here."""
    return sorted(place for place, verdict in rows().items() if verdict == "not here")


def test_what_is_not_here_is_refused_by_name() -> None:
    """Of the commands in this process, which is faster; none of them gets as far as a broker."""
    known = parsers()
    for command, option in refused():
        if command in known and option:
            with pytest.raises(SystemExit) as ended:
                known[command].parse_args([option])
            assert ended.value.code == 1, (command, option)


def test_a_command_that_is_not_here_is_refused_by_name() -> None:
    environment = {name: value for name, value in os.environ.items() if name[:5] != "FLUX_"}
    for words in (["modprobe", "load"], ["module", "debug", "kvs"]):
        done = subprocess.run([sys.executable, "-m", "cli.main", *words], cwd=ROOT, text=True,
                              env=environment, capture_output=True, timeout=PATIENCE)  # fmt: skip
        assert done.returncode == 1
        assert words[0] in done.stderr


def test_wrong_usage_exits_as_the_page_says() -> None:
    """1 where Flux has the command, 2 where it has not."""
    commands = {command for command, _ in theirs()}
    for name, parser in parsers().items():
        assert parser.wrong_usage == (1 if name in commands else 2), name
