# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux module config`: the values of one module, where they come from, and others at runtime."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from cli.client import Client, Trouble, complain
from cli.naming import hints
from cli.options.completers import complete_by, loaded_modules
from cli.options.duration import add_timeout
from cli.options.parser import OURS_ALONE
from cli.output.result import change
from cli.streams import tell
from participant.settings.toml_text import toml_value
from protocol.reasons import printable

_PROG = "module"


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands below `flux module config`."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    get = commands.add_parser(
        "get", help="print the combined configuration, or one value", wrong_usage=OURS_ALONE
    )
    get.add_argument("--origin", action="store_true", help="tell where each value comes from")
    get.add_argument("--json", action="store_true", help="print one JSON object")
    complete_by(get.add_argument("module", metavar="MODULE"), loaded_modules)
    get.add_argument("key", metavar="KEY", nargs="?", help="dotted, as in load arguments")
    get.set_defaults(run=_get)

    setting = commands.add_parser(
        "set", help="give values that last until the module is removed", wrong_usage=OURS_ALONE
    )
    _change_options(setting)
    complete_by(setting.add_argument("module", metavar="MODULE"), loaded_modules)
    setting.add_argument("values", metavar="KEY=VALUE", nargs="+", help="all of them, or none")
    setting.set_defaults(run=_set)

    unset = commands.add_parser("unset", help="take back what was set", wrong_usage=OURS_ALONE)
    _change_options(unset)
    complete_by(unset.add_argument("module", metavar="MODULE"), loaded_modules)
    unset.add_argument("keys", metavar="KEY", nargs="+")
    unset.set_defaults(run=_unset)


def _change_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="ask the module, change nothing")
    add_timeout(parser)
    parser.add_argument("--json", action="store_true", help="print the outcome as a JSON object")


# Looking


def _get(options: argparse.Namespace) -> int:
    op = "module-origins" if options.origin else "module-config"
    answer = Client().ask(op, name=options.module)
    entries: dict[str, Any] = answer["config"]
    if options.key is not None:
        inside = f"{options.key}."
        entries = {
            key: entry
            for key, entry in entries.items()
            if key == options.key or key.startswith(inside)
        }
        if not entries:
            why = f"{options.module} has no {options.key}; see `flux modinfo`"
            raise Trouble(why, "not-found")
    if options.json:
        print(json.dumps({**answer, "config": entries}))
        return 0
    if options.key in entries:
        return _print_one(options.key, entries[options.key], options.origin)
    for key, entry in entries.items():
        print(printable(_line(key, entry, options.origin)))
    if answer["cut"]:
        complain(_PROG, "long values are left out: the module's report has a limit")
    return 0


def _print_one(key: str, entry: Mapping[str, Any], origin: bool) -> int:
    value = entry["value"]
    if value is None:
        complain(_PROG, f"{key} is not set{_waiting(entry)}")
        return 1
    compact = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    print(
        (value if isinstance(value, str) else compact)
        + (f"  # {entry['origin']}{_waiting(entry)}" if origin else "")
    )
    return 0


def _line(key: str, entry: Mapping[str, Any], origin: bool) -> str:
    value = entry["value"]
    line = f"# {key} is not set" if value is None else f"{key} = {toml_value(value)}"
    if origin:
        line += f"{',' if value is None else '  #'} {entry['origin']}{_waiting(entry)}"
    return line


def _waiting(entry: Mapping[str, Any]) -> str:
    """What is said of a value that takes effect only when the module is loaded anew."""
    pending = entry.get("pending")
    if not isinstance(pending, dict):
        return ""
    value = pending["value"]
    shown = "not set" if value is None else toml_value(value)
    return f"; pending restart: {shown} ({pending['origin']})"


# Changing


def _set(options: argparse.Namespace) -> int:
    return _change(options, "set", set=options.values)


def _unset(options: argparse.Namespace) -> int:
    return _change(options, "unset", unset=options.keys)


def _change(options: argparse.Namespace, verb: str, **fields: Any) -> int:
    status = change(
        _PROG,
        options.json,
        "module-configure",
        options.timeout,
        name=options.module,
        dry_run=options.dry_run,
        command=f"flux module config {verb}",
        **fields,
    )
    if status == 0 and not options.json and not options.dry_run:
        _tell_pending(options.module)
    return status


def _tell_pending(module: str) -> None:
    try:
        entries = Client().ask("module-config", name=module)["config"]
    except Trouble:
        return  # it is done, whatever has become of the broker since
    waiting = [key for key, entry in entries.items() if "pending" in entry]
    if waiting:
        tell(hints(f"pending until `flux module reload {module}`: {', '.join(waiting)}"))
