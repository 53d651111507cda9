# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config get` and `builtin`: values, printed for people and for shell scripts.

This file and what it imports decide how fast `get` is: everything but the ordinary case is imported
where it is needed.
"""

from __future__ import annotations

import argparse
import json

from cli.client import Client, Trouble, complain
from cli.options.key import add_name

TYPE_CHECKING = False  # as typing has it, whose import takes as long as that of json
if TYPE_CHECKING:
    from typing import Any

_GET = """\
Print the configuration in force, or the value of the dotted key NAME in it, as compact JSON;
a string is printed bare.  Anybody who can reach the broker may ask."""

_GET_MORE = """\
types:
  string, integer, real, boolean, object, array, any; fsd: a duration such as "1.5m";
  fsd-integer, fsd-real: a duration, printed in seconds

A part of NAME that holds dots is quoted: 'queues."a.b".requires'.

exit status:
  0 printed   1 not set, not of that type, no broker, or wrong usage

examples:
  flux config get --type=fsd-integer tbon.tcp_user_timeout
  flux config get --config-path=system --default=none bootstrap.curve_cert"""

_TYPES: dict[str, type] = {
    "string": str,
    "integer": int,
    "real": float,
    "boolean": bool,
    "object": dict,
    "array": list,
    "fsd": str,
    "fsd-integer": str,
    "fsd-real": str,
}


def build_get(parser: argparse.ArgumentParser) -> None:
    """Describe `get`."""
    parser.description, parser.epilog = _GET, _GET_MORE
    parser.add_argument("-d", "--default", metavar="VALUE", help="print this where NAME is not set")
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="say nothing where it is not set"
    )
    parser.add_argument(
        "-t",
        "--type",
        metavar="TYPE",
        default="any",
        help="require a value of this type (default: any)",
    )
    parser.add_argument(
        "-c",
        "--config-path",
        metavar="PATH",
        help="read this file or directory instead of asking the broker; system, security and "
        "imp stand for CONFDIR/NAME/conf.d",
    )
    add_name(parser, optional=True)
    parser.set_defaults(run=get)


def get(options: argparse.Namespace) -> int:
    """Run `flux config get`; the exit status."""
    name: str | None = options.name
    found, value = _offline(options) if options.config_path is not None else _online(name)
    kind = options.type.lower()
    if kind != "any" and kind not in _TYPES:
        raise Trouble(f"Unknown type: {options.type}")
    if found:
        print(_shown(value, kind, name or "value"))
        return 0
    if options.default is not None:
        print(options.default)
        return 0
    if not options.quiet:
        complain("config", f"{name} is not set")
    return 1


def _online(name: str | None) -> tuple[bool, Any]:
    if name is None:
        return True, Client().ask("get")["configuration"]
    answer = Client().ask("get", name=name)
    return answer["set"], answer.get("value")


def _offline(options: argparse.Namespace) -> tuple[bool, Any]:
    from cli.commands.config.files import configuration_at
    from protocol.frozen import thaw
    from protocol.keys import parse_key

    configuration = configuration_at(_expanded(options.config_path))
    if options.name is None:
        return True, configuration.plain()
    try:
        return True, thaw(configuration.get(parse_key(options.name)))
    except KeyError:
        return False, None
    except ValueError as error:
        raise Trouble(str(error)) from None


def _expanded(path: str) -> str:
    from cli.commands.config.builtin import below_confdir

    return below_confdir(path) or path


def _shown(value: Any, kind: str, name: str) -> str:
    if kind != "any" and type(value) is not _TYPES[kind]:
        raise Trouble(f"{name} does not have the requested type")
    if kind.startswith("fsd"):
        value = _duration(value, kind, name)
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _duration(text: str, kind: str, name: str) -> str:
    from protocol.formats.fsd import parse_fsd

    try:
        seconds = parse_fsd(text)
        shown = {
            "fsd": lambda: text,
            "fsd-integer": lambda: str(int(seconds)),
            "fsd-real": lambda: f"{seconds:f}",
        }
        return shown[kind]()
    except (ValueError, OverflowError):  # OverflowError: no integer is infinite
        raise Trouble(f"{name} does not have the requested type") from None


def build_builtin(parser: argparse.ArgumentParser) -> None:
    """Describe `builtin`."""
    parser.description = (
        "Print a value that was fixed when this program was installed.  By default it is found\n"
        "out whether this runs from its source tree."
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--intree",
        dest="intree",
        action="store_true",
        default=None,
        help="the value for the source tree",
    )
    where.add_argument(
        "--installed", dest="intree", action="store_false", help="the value for an installation"
    )
    parser.add_argument("name", metavar="NAME", help="e.g. confdir, rundir, module_path")
    parser.set_defaults(run=builtin)


def builtin(options: argparse.Namespace) -> int:
    """Run `flux config builtin`; the exit status."""
    from cli.commands.config.builtin import value_of

    value = value_of(options.name, options.intree)
    if value is None:
        raise Trouble(f"{options.name} is invalid")
    print(value)
    return 0


BUILDERS = {"get": build_get, "builtin": build_builtin}
