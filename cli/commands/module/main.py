# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux module`: load, remove, reload, list, configure and question modules."""

import argparse
import json
from typing import Any

from cli.client import SLACK_SECONDS, Client, Trouble, complain
from cli.commands.module.config import add_commands
from cli.options.duration import add_timeout
from cli.options.parser import Parser
from cli.output import failure
from cli.output.result import change
from participant.loader import NotFound, name_of, resolve


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
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    load = commands.add_parser("load", help="start a module and admit it to what is in force")
    load.add_argument("--name", help="join under this name (default: that of the module)")
    _change_options(load)
    load.add_argument("module", metavar="MODULE", help="bundled name, file, or on FLUX_MODULE_PATH")
    load.add_argument("arguments", metavar="KEY=VALUE", nargs="*", help="load arguments")
    load.set_defaults(run=_load)

    remove = commands.add_parser("remove", help="take a module out of the vote and stop it")
    _change_options(remove)
    remove.add_argument("module", metavar="MODULE")
    remove.set_defaults(run=_remove)

    reload = commands.add_parser("reload", help="replace a module's process, all values kept")
    reload.add_argument("-f", "--force", action="store_true", help="load it if it is not loaded")
    _change_options(reload)
    reload.add_argument("module", metavar="MODULE")
    reload.set_defaults(run=_reload)

    listing = commands.add_parser("list", help="list the modules")
    listing.add_argument("-l", "--long", action="store_true", help="with file and waiting values")
    listing.add_argument("--json", action="store_true", help="print one JSON object")
    listing.set_defaults(run=_list)

    stats = commands.add_parser("stats", help="ask a module how it is")
    stats.add_argument("-p", "--parse", metavar="KEY", help="print only this part (dotted)")
    add_timeout(stats)
    stats.add_argument("module", metavar="MODULE")
    stats.set_defaults(run=_stats)

    config = commands.add_parser("config", help="look at and change the values of one module")
    add_commands(config)
    return whole


def _change_options(parser: argparse.ArgumentParser) -> None:
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
    return change("module", options.json, "module-remove", options.timeout, name=options.module)


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
        name=name_of(options.module),
        path=path,
    )


def _list(options: argparse.Namespace) -> int:
    answer = Client().ask("modules")
    if options.json:
        print(json.dumps(answer))
        return 0
    extra = "  Path" if options.long else ""
    print(f"{'Module':<24} {'State':<10} {'Gen':>4} {'Restarts':>8} {'PID':>7}{extra}")
    for module in answer["modules"]:
        path = f"  {module['path'] or '(attached)'}" if options.long else ""
        why = f"  {module['why']}" if module["why"] else ""
        print(
            f"{module['name']:<24} {module['state']:<10} {module['generation']:>4} "
            f"{module['restarts']:>8} {module['pid']:>7}{path}{why}"
        )
        if options.long and module["pending"]:
            print(f"{'':<24} pending until it is reloaded: {', '.join(module['pending'])}")
    return 0


def _stats(options: argparse.Namespace) -> int:
    told: Any = Client().ask(
        "module-stats",
        options.timeout + SLACK_SECONDS,
        name=options.module,
        timeout=options.timeout,
    )["told"]
    for step in options.parse.split(".") if options.parse else ():
        if not isinstance(told, dict) or step not in told:
            complain("module", f"{options.module} tells no {options.parse}")
            return 1
        told = told[step]
    print(json.dumps(told, indent=1, ensure_ascii=False))
    return 0
