"""`flux config`: look at and change the configuration, all or nothing."""

import argparse
import json
import os
import sys
import time
from typing import Any

from cli.arguments import add_timeout
from cli.client import Client, Trouble, complain
from cli.outcome import change


def main(_command: str, arguments: list[str]) -> int:
    """Run `flux config ARGUMENTS`; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except Trouble as trouble:
        complain("config", str(trouble))
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flux config", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    get = commands.add_parser("get", help="print the configuration in force, or a part of it")
    get.add_argument("-d", "--default", metavar="VALUE", help="print this where NAME is not set")
    get.add_argument("-q", "--quiet", action="store_true", help="say nothing where it is not set")
    get.add_argument("name", metavar="NAME", nargs="?", help="dotted name; default: everything")
    get.set_defaults(run=_get)

    load = commands.add_parser("load", help="replace the configuration by another")
    _change_options(load)
    load.add_argument("path", metavar="PATH", nargs="?",
                      help="file or directory; default: TOML or JSON on stdin")  # fmt: skip
    load.set_defaults(run=_load)

    reload = commands.add_parser("reload", help="propose the files on disk again")
    _change_options(reload)
    reload.set_defaults(run=_reload)

    status = commands.add_parser("status", help="what is in force, and what is going on")
    status.add_argument("--json", action="store_true", help="print one JSON object")
    status.set_defaults(run=_status)
    return parser


def _change_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true",
                        help="ask every module, change nothing")  # fmt: skip
    add_timeout(parser)
    parser.add_argument("--json", action="store_true", help="print the outcome as a JSON object")


# Reading


def _get(options: argparse.Namespace) -> int:
    value: Any = Client().ask("get")["configuration"]
    for step in options.name.split(".") if options.name else ():
        if not isinstance(value, dict) or step not in value:
            return _not_set(options)
        value = value[step]
    print(value if isinstance(value, str) else _compact(value))
    return 0


def _not_set(options: argparse.Namespace) -> int:
    if options.default is not None:
        print(options.default)
        return 0
    if not options.quiet:
        complain("config", f"{options.name} is not set")
    return 1


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _status(options: argparse.Namespace) -> int:
    status = Client().ask("status")
    if options.json:
        print(json.dumps(status))
        return 0
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(status.get("since", 0)))
    print(f"generation {status['generation']} ({status['digest'][:12]}), "
          f"by {status.get('verb')} since {since}, epoch {status['epoch']}")  # fmt: skip
    for module in status["modules"]:
        why = f"  ({module['why']})" if module["why"] else ""
        print(f"  {module['name']:<20} {module['state']:<10} {module['generation']}{why}")
    change_ = status.get("transaction")
    if change_:
        awaited = ", ".join(change_["awaited"]) or "nobody"
        print(f"{change_['verb']} {change_['txid']} is {change_['state']} for "
              f"{change_['seconds']:.1f} s: {len(change_['voted'])} of {change_['members']} voted, "
              f"waiting for {awaited}")  # fmt: skip
    return 0


# Changing


def _reload(options: argparse.Namespace) -> int:
    return change("config", options.json, "reload", options.timeout, dry_run=options.dry_run,
                  command="flux config reload")  # fmt: skip


def _load(options: argparse.Namespace) -> int:
    if options.path is None:
        sources = [_from_stdin(sys.stdin.buffer.read())]
    else:
        sources = _from_path(options.path)
    return change("config", options.json, "load", options.timeout, dry_run=options.dry_run,
                  sources=sources, command="flux config load")  # fmt: skip


def _from_stdin(text: bytes) -> dict[str, str]:
    """What came on stdin is JSON if it can be read as that, else TOML, as in Flux."""
    try:
        json.loads(text)
        form = "json"
    except (ValueError, RecursionError):
        form = "toml"
    return {"name": "<stdin>", "format": form, "text": text.decode(errors="surrogateescape")}


def _from_path(path: str) -> list[dict[str, str]]:
    from coordinator.sources import Unreadable, read_sources

    try:
        sources = read_sources(os.path.abspath(path))
    except Unreadable as error:
        raise Trouble("\nflux-config: ".join(str(one) for one in error.reasons)) from None
    return [
        {"name": one.name, "format": one.format, "text": one.text.decode(errors="surrogateescape")}
        for one in sources
    ]
