"""`flux module`: load, remove and list modules."""

import argparse
import json

from cli.arguments import add_timeout
from cli.client import Client, Trouble, complain
from cli.outcome import change
from participant.finding import NotFound, locate, name_of


def main(_command: str, arguments: list[str]) -> int:
    """Run `flux module ARGUMENTS`; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except Trouble as trouble:
        complain("module", str(trouble))
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flux module", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    load = commands.add_parser("load", help="start a module and admit it to what is in force")
    load.add_argument("--name", help="join under this name (default: that of the module)")
    add_timeout(load)
    load.add_argument("--json", action="store_true", help="print the outcome as a JSON object")
    load.add_argument("module", metavar="MODULE", help="bundled name, file, or on FLUX_MODULE_PATH")
    load.add_argument("arguments", metavar="KEY=VALUE", nargs="*", help="load arguments")
    load.set_defaults(run=_load)

    remove = commands.add_parser("remove", help="take a module out of the vote and stop it")
    add_timeout(remove)
    remove.add_argument("--json", action="store_true", help="print the outcome as a JSON object")
    remove.add_argument("module", metavar="MODULE")
    remove.set_defaults(run=_remove)

    listing = commands.add_parser("list", help="list the modules")
    listing.add_argument("--json", action="store_true", help="print one JSON object")
    listing.set_defaults(run=_list)
    return parser


def _load(options: argparse.Namespace) -> int:
    try:
        path = locate(options.module)
    except NotFound as error:
        complain("module", str(error))
        return 1
    return change("module", options.json, "module-load", options.timeout,
                  name=options.name or name_of(options.module), path=path,
                  arguments=options.arguments)  # fmt: skip


def _remove(options: argparse.Namespace) -> int:
    return change("module", options.json, "module-remove", options.timeout, name=options.module)


def _list(options: argparse.Namespace) -> int:
    answer = Client().ask("modules")
    if options.json:
        print(json.dumps(answer))
        return 0
    print(f"{'Module':<24} {'State':<10} {'Gen':>4} {'Restarts':>8} {'PID':>7}")
    for one in answer["modules"]:
        why = f"  {one['why']}" if one["why"] else ""
        print(f"{one['name']:<24} {one['state']:<10} {one['generation']:>4} "
              f"{one['restarts']:>8} {one['pid']:>7}{why}")  # fmt: skip
    return 0
