# SPDX-License-Identifier: LGPL-3.0-or-later
"""Wrong usage: what is said, and with which exit status."""

import argparse

import pytest

from cli.options.parser import AS_FLUX, OURS_ALONE, Parser


def family() -> Parser:
    """A command of Flux's with a subcommand of ours alone."""
    whole = Parser("flux module")
    commands = whole.add_subparsers(required=True, metavar="COMMAND", dest="command")
    load = commands.add_parser("load")
    load.add_argument("--name")
    load.add_argument("-f", "--force", action="store_true")
    load.add_optional_value("-L", "--color", "always", choices=("always", "never"))
    load.refuse("-x", "--exchange", why="there is nothing to exchange")
    load.add_argument("module")
    commands.add_parser("config", wrong_usage=OURS_ALONE).add_argument("key")
    return whole


def complaint(
    capsys: pytest.CaptureFixture[str], *words: str, status: int = AS_FLUX, of: Parser | None = None
) -> str:
    """What is said of a wrong line."""
    with pytest.raises(SystemExit) as ended:
        (of or family()).parse_args(list(words))
    assert ended.value.code == status
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_what_is_missing_or_unknown_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert complaint(capsys).startswith("flux-module: missing subcommand\nusage: flux module")
    near = complaint(capsys, "laod")
    assert near.startswith("flux-module: Unknown subcommand: laod; did you mean load?\n")
    assert "did you mean" not in complaint(capsys, "zzz")
    near = complaint(capsys, "load", "--nmae=x", "m")
    assert "arguments: --nmae=x; did you mean --name?\nusage: flux module load" in near
    assert "arguments: y\nusage: flux module load" in complaint(capsys, "load", "m", "y")
    assert "required: key" in complaint(capsys, "config", status=OURS_ALONE)


def test_no_option_is_abbreviated(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--nam=x" in complaint(capsys, "load", "--nam=x", "m")


def test_an_optional_value_is_joined() -> None:
    def colour(*words: str) -> tuple[str, str]:
        options = family().parse_args(["load", *words])
        return options.color, options.module

    for words in (["-L", "m"], ["--color", "m"], ["m", "-L"], ["--color=always", "m"]):
        assert colour(*words) == ("always", "m")
    assert colour("-Lnever", "m") == ("never", "m")
    assert family().parse_args(["load", "--", "-L"]).module == "-L"


def test_what_flux_has_and_we_have_not_is_refused_by_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for word in ("-x", "-x3", "--exchange", "--exchange=3"):
        name = "-x" if word[1] == "x" else "--exchange"
        said = complaint(capsys, "load", word, "m")
        assert said.startswith(f"flux-module: {name}: there is nothing to exchange\n"), word
    assert family().parse_args(["load", "--", "-x"]).module == "-x"


def test_the_options_of_a_program_are_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    parser = Parser("flux start")
    parser.add_argument("-c", "--config-path")
    parser.add_argument("-v", action="store_true")
    parser.refuse("-r", why="not here")
    parser.add_argument("program", nargs=argparse.REMAINDER)
    options = parser.parse_args(["-v", "-c", "x", "sort", "-r", "-c"])
    assert (options.program, options.config_path) == (["sort", "-r", "-c"], "x")
    assert "-r: not here" in complaint(capsys, "-c", "x", "-r", "sort", of=parser)
