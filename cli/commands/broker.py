# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux broker` and `flux start`: run a broker, with a program in it or until a signal.

`flux start [-c PATH] [PROGRAM [ARGUMENTS]]` makes a temporary broker and runs PROGRAM (default: a
shell) with FLUX_URI set; its exit status is PROGRAM's.  `flux broker` runs until SIGTERM.
"""

import argparse
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cli import VERSION
from cli.client import complain
from cli.options.parser import Parser
from protocol import limits
from protocol.reasons import Reason

if TYPE_CHECKING:
    from coordinator.broker import Options
    from coordinator.core.requests import Spec
    from coordinator.executor import Hook
    from coordinator.runtime.log import Log


def main(command: str, arguments: list[str]) -> int:
    """Run the command; the exit status."""
    options = parser(command).parse_args(arguments)
    temporary: list[str] = []
    try:
        return _run(command, options, temporary)
    finally:
        for directory in temporary:
            shutil.rmtree(directory, ignore_errors=True)


def parser(command: str) -> Parser:
    """The parser of either."""
    parser = Parser(f"flux {command}", description=__doc__)
    confdir = os.environ.get("FLUX_CONF_DIR")
    parser.add_argument(
        "-c",
        "--config-path",
        metavar="PATH",
        default=confdir,
        help="a .toml file, a .json file, or a directory of *.toml (default: $FLUX_CONF_DIR)",
    )
    parser.add_argument(
        "-S",
        "--setattr",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="set an attribute: rundir, statedir, broker.rc1_path (empty: no modules), "
        "config.history (generations kept), or any other",
    )
    parser.add_argument(
        "--fallback",
        action="store_true",
        help="where the files are refused, start on the newest generation that can start",
    )
    parser.add_argument("--log-format", choices=("json", "console"), default="console")
    parser.add_argument("-v", "--verbose", action="store_true", help="log every phase to stderr")
    parser.add_argument(
        "program",
        nargs=argparse.REMAINDER,
        metavar="PROGRAM",
        help="run this, and stop when it ends",
    )
    return parser


def _run(command: str, options: argparse.Namespace, temporary: list[str]) -> int:
    from coordinator.broker import Options
    from coordinator.runtime.log import Log

    program = options.program[options.program[:1] == ["--"] :]
    if command == "start" and not program:
        program = [os.environ.get("SHELL", "/bin/sh")]
    try:
        attributes = _attributes(options.setattr)
        forgets = bool(attributes.get("rundir")) and not attributes.get("statedir")
        rundir = _directory(attributes, "rundir", temporary)
        statedir = _directory(attributes, "statedir", temporary)
        history = _history(attributes)
    except (ValueError, OSError) as error:
        complain(command, str(error))
        return 2 if isinstance(error, ValueError) else 1
    config = os.path.abspath(options.config_path) if options.config_path else None
    wanted = Options(
        rundir=rundir,
        statedir=statedir,
        config=config,
        modules=_modules(attributes),
        program=tuple(program),
        attributes=attributes,
        fallback=options.fallback,
        history=history,
        forgets=forgets,
    )
    return serve(command, wanted, Log(options.log_format, quiet=not options.verbose))


def serve(command: str, options: "Options", log: "Log", hook: "Hook | None" = None) -> int:
    """Run a broker to its end and tell on stderr what went wrong; the exit status."""
    from coordinator.broker import CannotStart
    from coordinator.compose import build_broker
    from participant.loader import resolve

    try:
        broker = build_broker(options, log, resolve, hook)
    except CannotStart as error:
        return _give_up(command, error.reasons)
    gc.freeze()  # what has been imported stays: no need to look at it again, or at the end
    gc.enable()
    status = broker.run()
    if broker.reasons:
        status = _give_up(command, broker.reasons, status)
    _let_go_of_the_log()
    return status


def _let_go_of_the_log() -> None:
    """What a full disk has not taken of the log goes nowhere; Python would exit with 120 for it."""
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _attributes(given: Iterable[str]) -> dict[str, str]:
    attributes = {"version": VERSION}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise ValueError(f"-S {pair}: expected NAME=VALUE")
        attributes[name] = value
    return attributes


def _directory(attributes: dict[str, str], name: str, temporary: list[str]) -> str:
    """The directory that the attribute names, made where it is missing; else a temporary one."""
    if attributes.get(name):
        attributes[name] = os.path.abspath(attributes[name])
        os.makedirs(attributes[name], mode=0o700, exist_ok=True)
    else:
        attributes[name] = tempfile.mkdtemp(prefix=f"flux-{name}-")
        temporary.append(attributes[name])
    return attributes[name]


def _history(attributes: dict[str, str]) -> int:
    """How many generations, and how many refused attempts, the ledger keeps."""
    given = attributes.setdefault("config.history", str(limits.HISTORY))
    if not (given.isascii() and given.isdigit() and 2 <= int(given[:9]) <= limits.LONGEST_HISTORY):
        wanted = f"a number from 2 to {limits.LONGEST_HISTORY}"
        raise ValueError(f"-S config.history={given}: expected {wanted}")
    return int(given[:9])


def _modules(attributes: dict[str, str]) -> tuple[tuple[str, "Spec"], ...]:
    from coordinator.core.requests import Spec
    from participant.modules import BUNDLED

    if attributes.get("broker.rc1_path") == "":
        return ()
    return tuple((name, Spec(name)) for name in BUNDLED)


def _give_up(command: str, reasons: Iterable[Reason], status: int = 1) -> int:
    for reason in reasons:
        complain(command, str(reason))
    if status == 1:
        complain(command, "the broker did not start or could not go on; see the reasons above")
    sys.stderr.flush()
    return status
