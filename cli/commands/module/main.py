# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux module`: load, remove, reload, list, configure and question modules."""

import argparse

from cli import failure
from cli.client import Trouble, complain
from cli.commands.module.config import add_commands
from cli.commands.module.listing import build_list
from cli.commands.module.stats import build_stats
from cli.commands.module.trace import build_trace
from cli.options.completers import complete_by, loadable_modules, loaded_modules
from cli.options.duration import add_timeout
from cli.options.parser import OURS_ALONE, Parser
from cli.output.result import change
from participant.loader import NotFound, name_of, resolve

_LOADER = "every module here is Python, started by the broker's own loader; there is no other"
_DEBUG = "no module here has debug flags; `flux modinfo MODULE` tells what it can be told"


def main(_command: str, arguments: list[str]) -> int:
    """Run `flux module ARGUMENTS`; the exit status."""
    options = parser("module").parse_args(arguments)
    try:
        status: int = options.run(options)
    except Trouble as trouble:
        return failure.tell("module", getattr(options, "json", False), trouble)
    return status


def parser(_command: str) -> Parser:
    """The parser of all its commands."""
    whole = Parser("flux module", description=__doc__)
    commands = whole.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _build_load(commands.add_parser("load", help="start a module and admit it to what is in force"))
    _build_remove(
        commands.add_parser(
            "remove", aliases=["unload"], help="take a module out of the vote and stop it"
        )
    )
    _build_reload(commands.add_parser("reload", help="replace a module's process, its values kept"))
    build_list(commands.add_parser("list", help="list the modules"))
    build_stats(commands.add_parser("stats", help="ask a module how it is"))
    build_trace(commands.add_parser("trace", help="show messages from and to modules"))
    _build_debug(commands.add_parser("debug", help="(Flux's; no module here has debug flags)"))
    config = commands.add_parser(
        "config", help="look at and change the values of one module", wrong_usage=OURS_ALONE
    )
    add_commands(config)
    return whole


def _build_load(parser: Parser) -> None:
    parser.add_argument(
        "-n", "--name", metavar="NAME", help="join under this name (default: that of the module)"
    )
    _add_exec(parser)
    _add_change_options(parser)
    module = parser.add_argument(
        "module", metavar="MODULE", help="bundled name, file, or on FLUX_MODULE_PATH"
    )
    complete_by(module, loadable_modules)
    parser.add_argument(
        "arguments", metavar="KEY=VALUE", nargs="*", default=[], help="load arguments"
    )
    parser.set_defaults(run=_load)


def _build_remove(parser: Parser) -> None:
    parser.add_argument(
        "-f", "--force", action="store_true", help="that it is not loaded is no error"
    )
    _add_cancel(parser)
    _add_change_options(parser)
    complete_by(parser.add_argument("module", metavar="MODULE"), loaded_modules)
    parser.set_defaults(run=_remove)


def _build_reload(parser: Parser) -> None:
    parser.add_argument("-f", "--force", action="store_true", help="load it if it is not loaded")
    parser.add_argument("-n", "--name", metavar="NAME", help="the name that it has joined under")
    _add_cancel(parser)
    _add_exec(parser)
    _add_change_options(parser)
    complete_by(parser.add_argument("module", metavar="MODULE"), loaded_modules)
    parser.add_argument(
        "arguments",
        metavar="KEY=VALUE",
        nargs="*",
        default=[],
        help="load arguments in place of those that it has (default: it keeps them)",
    )
    parser.set_defaults(run=_reload)


def _build_debug(parser: Parser) -> None:
    for short, long in (("-C", "--clear"), ("-S", "--set"), ("-s", "--setbit"),
                        ("-c", "--clearbit")):  # fmt: skip
        parser.refuse(short, long, why=_DEBUG)
    parser.add_argument("module", metavar="MODULE")
    parser.set_defaults(run=_debug)


def _add_exec(parser: Parser) -> None:
    parser.add_argument(
        "--exec", action="store_true", help="in a process of its own; here every module is"
    )
    parser.refuse("--loader", why=_LOADER)


def _add_cancel(parser: Parser) -> None:
    parser.add_argument(
        "--cancel",
        action="store_true",
        help="kill its process at once, also in the middle of a change: for one that hangs",
    )


def _add_change_options(parser: argparse.ArgumentParser) -> None:
    add_timeout(parser)
    parser.add_argument("--json", action="store_true", help="print the outcome as a JSON object")


def _load(options: argparse.Namespace) -> int:
    try:
        path = resolve(options.module)
    except NotFound as error:
        return failure.tell("module", options.json, Trouble(str(error), "not-found"))
    return change(
        "module",
        options.json,
        "module-load",
        options.timeout,
        name=options.name or name_of(options.module),
        path=path,
        arguments=options.arguments,
    )


def _remove(options: argparse.Namespace) -> int:
    return change(
        "module",
        options.json,
        "module-remove",
        options.timeout,
        name=name_of(options.module),
        force=options.force,
        cancel=options.cancel,
    )


def _reload(options: argparse.Namespace) -> int:
    path = None
    if options.force:
        try:
            path = resolve(options.module)
        except NotFound:
            path = None  # it may be loaded under a name that is no file's
    return change(
        "module",
        options.json,
        "module-reload",
        options.timeout,
        name=options.name or name_of(options.module),
        path=path,
        arguments=options.arguments or None,
        cancel=options.cancel,
    )


def _debug(_: argparse.Namespace) -> int:
    complain("module", f"debug: {_DEBUG}")
    return 1
