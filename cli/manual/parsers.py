# SPDX-License-Identifier: LGPL-3.0-or-later
"""A command's parser as roff: what can be typed, what each option does, and its subcommands."""

import argparse
from collections.abc import Iterator

from cli.manual import roff
from cli.options.parser import Parser


def subcommands(parser: Parser) -> list[tuple[str, Parser, str]]:
    """Name, parser and purpose of each, without those that are only other names of one."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            purposes = [choice.help or "" for choice in action._choices_actions]
            names = _names(action)
            return [
                (name, action.choices[name], purpose)
                for name, purpose in zip(names, purposes, strict=True)
            ]
    return []


def _names(action: "argparse._SubParsersAction[Parser]") -> list[str]:
    seen: dict[int, str] = {}
    for name, parser in action.choices.items():
        seen.setdefault(id(parser), name)
    return list(seen.values())


def synopsis(parser: Parser) -> Iterator[str]:
    """A line for each way to call it."""
    inner = subcommands(parser)
    for _, below, _ in inner:
        yield from synopsis(below)
    if not inner:
        yield ".br"
        yield roff.line(" ".join((roff.bold(_name(parser)), *map(_usage, _shown(parser)))))


def options(parser: Parser) -> Iterator[str]:
    """What each option and argument is for."""
    for action in _shown(parser):
        if action.help or action.option_strings:
            yield from roff.tagged(_tag(action), action.help or "")
    for name, why in parser.refused.items():
        yield from roff.tagged(roff.bold(name), f"Flux's; refused here: {why}")


def command(parser: Parser, purpose: str, level: int = 2) -> Iterator[str]:
    """A subcommand: a heading, its description, its options, its epilog; and those below it."""
    yield from roff.heading(_name(parser), level)
    if not parser.description:
        yield from roff.paragraph(f"{purpose[:1].upper()}{purpose[1:]}.")
    yield from body(parser)
    for _, below, inner in subcommands(parser):
        yield from command(below, inner, level)


def body(parser: Parser) -> Iterator[str]:
    """Description, options and epilog."""
    if parser.description:
        yield from roff.paragraph(parser.description)
    yield from options(parser)
    if parser.epilog:
        yield from roff.literal(parser.epilog.strip("\n").split("\n"))


def _name(parser: Parser) -> str:
    return parser.prog


def _shown(parser: Parser) -> list[argparse.Action]:
    hidden = (argparse._HelpAction, argparse._SubParsersAction)
    return [action for action in parser._actions
            if not isinstance(action, hidden) and action.help != argparse.SUPPRESS]  # fmt: skip


def _metavar(action: argparse.Action) -> str:
    if action.metavar is not None:
        return str(action.metavar)
    return "|".join(map(str, action.choices)) if action.choices else action.dest.upper()


def _usage(action: argparse.Action) -> str:
    """An action as it stands in a synopsis."""
    if not action.option_strings:
        name = roff.italic(_metavar(action))
        if action.nargs in ("*", "...", argparse.REMAINDER):
            return f"[{name} ...]"
        if action.nargs == "+":
            return f"{name} ..."
        return f"[{name}]" if action.nargs == "?" else name
    shown = roff.bold(action.option_strings[-1])
    if action.nargs == 0:
        return f"[{shown}]"
    value = _metavar(action)
    if value.startswith("["):
        return f"[{shown}[={roff.italic(value.strip('[]'))}]]"
    return f"[{shown}={roff.italic(value)}]"


def _tag(action: argparse.Action) -> str:
    """An action as it is described."""
    if not action.option_strings:
        return roff.italic(_metavar(action))
    names = ", ".join(map(roff.bold, action.option_strings))
    if action.nargs == 0:
        return names
    value = _metavar(action)
    if value.startswith("["):
        return f"{names}[={roff.italic(value.strip('[]'))}]"
    return f"{names}={roff.italic(value)}"
