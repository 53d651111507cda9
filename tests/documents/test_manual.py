# SPDX-License-Identifier: LGPL-3.0-or-later
"""The manual pages are what the parsers and docs/ say, and groff has nothing to say about them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.commands.broker import parser as broker_parser
from cli.commands.config.main import COMMANDS
from cli.commands.config.main import parser as config_parser
from cli.commands.module.main import parser as module_parser
from cli.manual import markdown, roff
from cli.manual.pages import PAGES, write_all
from cli.manual.parsers import subcommands
from cli.options.parser import Parser
from tests.support.patience import PATIENCE

ROOT = Path(__file__).parents[2]
PARSERS = {
    "flux-accord-config.1": config_parser("config"),
    "flux-accord-module.1": module_parser("module"),
    "flux-accord-broker.1": broker_parser("broker"),
}


def test_the_pages_are_what_would_be_made_now(tmp_path: Path) -> None:
    assert {file.name for file in (ROOT / "man").iterdir()} == PAGES.keys()
    for file in write_all(ROOT, tmp_path):
        assert file.read_text() == (ROOT / "man" / file.name).read_text(), "run `make man`"


def test_the_environment_is_not_in_the_pages(tmp_path: Path) -> None:
    """They are the same for whoever makes them, and wherever."""
    environment = {**os.environ, "FLUX_CONF_DIR": "/somewhere", "COLUMNS": "40",
                   "FLUX_URI": "local:///run/flux/local-0"}  # fmt: skip
    subprocess.run([sys.executable, "-m", "cli.manual", str(tmp_path)], env=environment, cwd=ROOT,
                   check=True, capture_output=True, timeout=PATIENCE)  # fmt: skip
    for name in PAGES:
        assert (tmp_path / name).read_text() == (ROOT / "man" / name).read_text()


def options(parser: Parser) -> set[str]:
    """All options of a command and of those below it."""
    own = {option for action in parser._actions for option in action.option_strings}
    return own.union(*(options(below) for _, below, _ in subcommands(parser))) - {"-h", "--help"}


@pytest.mark.parametrize("name", PARSERS)
def test_every_option_is_described(name: str) -> None:
    page = (ROOT / "man" / name).read_text()
    assert len(options(PARSERS[name])) > 5
    for option in options(PARSERS[name]):
        assert roff.bold(option) in page, option


def test_every_command_has_a_heading() -> None:
    page = (ROOT / "man" / "flux-accord-config.1").read_text()
    for command in COMMANDS:
        assert f".SS flux config {command}" in page


def groff(page: str) -> "subprocess.CompletedProcess[str]":
    """What groff makes of a page, with all its warnings."""
    if shutil.which("groff") is None:
        pytest.skip("no groff")
    return subprocess.run(["groff", "-man", "-Tutf8", "-ww"], input=page, text=True,
                          capture_output=True, timeout=PATIENCE)  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_groff_has_nothing_to_say(name: str) -> None:
    done = groff((ROOT / "man" / name).read_text())
    assert (done.returncode, done.stderr) == (0, "")
    assert "flux" in done.stdout


def test_groff_would_say_something() -> None:
    assert groff('.TH A 1 "" "" ""\n.nosuch\n').stderr != ""


def test_what_looks_like_a_request_is_none() -> None:
    assert roff.line(".SH") == "\\&.SH"
    assert list(roff.literal(["'b", ""]))[3:5] == ["\\(aqb", "\\&"]


def test_markdown() -> None:
    text = "# A\n\nfirst\n\n## B\n\n`a-b` [c](d.md)\n\n```\n# x\n```\n- 1\n  2\n- 3\n\n## C\nlast"
    assert markdown.introduction(text).strip() == "first"
    below = markdown.section(text, "## B")
    assert list(markdown.pages(below)) == [
        ".PP", "\\fBa\\-b\\fR c",
        ".PP", ".nf", ".RS 4", "# x", ".RE", ".fi",
        ".IP \\(bu 2", "1 2", ".IP \\(bu 2", "3",
    ]  # fmt: skip
    table = "| option | here | why |\n|---|---|---|\n| `-x` | same | |\n"
    assert list(markdown.pages(table)) == [".TP", "\\fB\\-x\\fR", "here: same"]
