# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux broker` and `flux start`: run a broker, with a program in it or until a signal.

`flux start [-c PATH] [PROGRAM [ARGUMENTS]]` makes a temporary broker and runs PROGRAM (default: a
shell) with FLUX_URI set; its exit status is PROGRAM's.  A PROGRAM that is one word with blanks in
it is a line for a shell.  `flux broker` runs until SIGTERM; SIGHUP reloads.
"""

import argparse
import gc
import os
import shutil
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cli.client import complain
from cli.commands.broker_attributes import Attributes, read_attributes
from cli.options.parser import Parser
from protocol.reasons import Reason

if TYPE_CHECKING:
    from coordinator.broker import Options
    from coordinator.environment import Hook
    from coordinator.files.reading import Source
    from coordinator.runtime.log import Log
    from coordinator.service.systemd import Invitation
    from coordinator.startup_modules import Modules

SYSTEM_CONFIGURATION = "/etc/flux/system/conf.d"

_ONE_BROKER = "a broker of flux-accord is alone; there is no second one to test with"
NOT_HERE = {
    "--test-hosts": _ONE_BROKER,
    "--test-exit-timeout": _ONE_BROKER,
    "--test-exit-mode": _ONE_BROKER,
    "--test-start-mode": _ONE_BROKER,
    "--test-pmi-clique": _ONE_BROKER,
    "--rundir": "not here; -S rundir=DIR, and -S rundir-cleanup=1 where it is to be removed",
    "--wrap": "not here; run `flux broker` itself under what is to be wrapped around it",
    "--noexec": "not here; `flux config validate PATH` judges files without a broker",
    "-X": "not here; `flux config validate PATH` judges files without a broker",
    "--recovery": "not here; --fallback starts with the newest generation that can start",
    "-r": "not here; --fallback starts with the newest generation that can start",
}
"""Options of `flux start` in flux-core, and why they are refused."""


def main(command: str, arguments: list[str]) -> int:
    """Run the command; the exit status."""
    options = parser(command).parse_args(arguments)
    if getattr(options, "systemd_unit", False):
        from cli.commands.systemd_unit import unit

        print(unit(), end="")
        return 0
    temporary: list[str] = []
    try:
        return _run(command, _with_broker_options(options), temporary)
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
        "--conf",
        metavar="VALUE",
        action="append",
        default=[],
        help="merge on top of that, at the start alone: TABLE.KEY=VALUE, {JSON}, TOML text, or a "
        "file; may be repeated",
    )
    parser.add_argument(
        "-S",
        "--setattr",
        metavar="NAME[=VALUE]",
        action="append",
        default=[],
        help="set an attribute, as rundir, statedir, modprobe.directory, broker.rc1_path (empty: "
        "no modules); NAME alone is 1; docs/attributes.md has all",
    )
    parser.add_argument(
        "--fallback",
        action="store_true",
        help="where the files are refused, start on the newest generation that can start",
    )
    parser.add_argument("--log-format", choices=("json", "console"), default="console")
    parser.add_argument("-v", "--verbose", action="count", default=0,
                        help="log every phase to stderr (level 6; twice: 7)")  # fmt: skip
    if command == "start":
        _add_options_of_start(parser)
    else:
        parser.add_argument("--systemd-unit", action="store_true",
                            help="print a unit for systemd that runs this program")  # fmt: skip
    parser.add_argument(
        "program",
        nargs=argparse.REMAINDER,
        metavar="PROGRAM",
        help="run this, and stop when it ends",
    )
    return parser


def _add_options_of_start(parser: Parser) -> None:
    parser.add_argument("-s", "--test-size", metavar="N", type=int, default=1,
                        help="how many brokers: 1")  # fmt: skip
    parser.add_argument("-o", "--broker-opts", metavar="OPTIONS", action="append", default=[],
                        help='options of `flux broker`, separated by commas: "-o,-v"')  # fmt: skip
    parser.add_argument("--sysconfig", action="store_true",
                        help=f"the same as -c {SYSTEM_CONFIGURATION}")  # fmt: skip
    parser.add_argument("--test-rundir", metavar="DIR",
                        help="an existing directory for the sockets; as -S rundir=DIR")  # fmt: skip
    parser.add_argument("--test-rundir-cleanup", action="store_true",
                        help="remove it at the end; as -S rundir-cleanup=1")  # fmt: skip
    for name in NOT_HERE:
        parser.add_argument(name, nargs="?", action=_Refusal, help=argparse.SUPPRESS)


class _Refusal(argparse.Action):
    """An option of Flux's that is not here; among the program's own arguments it is none."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002
        values: object,  # noqa: ARG002
        option_string: str | None = None,
    ) -> None:
        parser.error(f"{option_string}: {NOT_HERE[self.option_strings[0]]}")


def _with_broker_options(options: argparse.Namespace) -> argparse.Namespace:
    """What `flux start` was given beyond `flux broker`'s options, put in terms of those."""
    for words in getattr(options, "broker_opts", ()):
        alone = parser("broker")
        given = alone.parse_args([word for word in words.split(",") if word])
        if given.program:
            alone.error(f"-o {words}: {given.program[0]} is no option")
        options.setattr += given.setattr
        options.conf += given.conf
        options.verbose += given.verbose
        options.fallback |= given.fallback
        if given.config_path != alone.get_default("config_path"):
            options.config_path = given.config_path
    if getattr(options, "test_size", 1) != 1:
        wrong = f"--test-size={options.test_size}: only 1: {_ONE_BROKER}"
        parser("start").error(
            "--test-size argument must be > 0" if options.test_size < 1 else wrong
        )
    if getattr(options, "sysconfig", False):
        options.config_path = SYSTEM_CONFIGURATION
    if getattr(options, "test_rundir", None) is not None:
        if not os.path.isdir(options.test_rundir):
            parser("start").error(f"--test-rundir={options.test_rundir}: no such directory")
        options.setattr.append(f"rundir={options.test_rundir}")
    if getattr(options, "test_rundir_cleanup", False):
        options.setattr.append("rundir-cleanup=1")
    return options


def _run(command: str, options: argparse.Namespace, temporary: list[str]) -> int:
    from coordinator.broker import Options
    from coordinator.files.reading import Unreadable
    from coordinator.runtime.log import Log
    from coordinator.service.systemd import take_invitation

    invitation = take_invitation(os.environ, os.getpid())  # first: children must not have it
    try:
        program = _program(command, options)
        attributes = read_attributes(options.setattr, temporary)
        if program and attributes.says("broker.rc2_none"):
            raise ValueError("broker.rc2_none=1 says that no program is run; leave one of them out")
        if command == "start" and not program and not attributes.says("broker.rc2_none"):
            program = [os.environ.get("SHELL", "/bin/sh")]
        is_service = command == "broker" and invitation.address != ""
        attributes.settle("log-stderr-level", str(_level(options.verbose) or (4 if program else 5)))
        notifies = attributes.settle("broker.sd-notify", str(int(is_service))) == "1"
        conf = _conf(options.conf)
        modules = _modules(attributes)
    except (ValueError, OSError) as error:
        complain(command, str(error))
        return 1
    except Unreadable as error:
        return _give_up(command, error.reasons)
    wanted = Options(
        rundir=attributes.rundir,
        statedir=attributes.statedir,
        config=os.path.abspath(options.config_path) if options.config_path else None,
        modules=modules,
        program=tuple(program),
        attributes=attributes.values,
        fallback=options.fallback,
        history=int(attributes.values["config.history"]),
        forgets=attributes.forgets,
        lasting=not program,
        cleaned=attributes.cleaned,
        conf=conf,
        next_modules=lambda: _modules(attributes),
    )
    log = Log(
        options.log_format,
        int(attributes.values["log-stderr-level"]),
        int(attributes.values["log-ring-size"]),
    )
    told = invitation if notifies and invitation.address else None
    return serve(command, wanted, log, invitation=told)


def serve(
    command: str,
    options: "Options",
    log: "Log",
    hook: "Hook | None" = None,
    invitation: "Invitation | None" = None,
) -> int:
    """Run a broker to its end and tell on stderr what went wrong; the exit status."""
    from coordinator.cannot_start import CannotStart
    from coordinator.compose import build_broker
    from coordinator.ledger.sqlite_storage import FILES
    from coordinator.runtime.directories import remove_with
    from participant.loader import resolve

    try:
        broker = build_broker(options, log, resolve, hook, invitation)
    except CannotStart as error:
        return _give_up(command, error.reasons)
    gc.freeze()  # what has been imported stays: no need to look at it again, or at the end
    gc.enable()
    status = broker.run()
    for directory in options.cleaned:
        remove_with(directory, FILES)
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


def _level(verbose: int) -> int:
    return min(5 + verbose, 7) if verbose else 0


def _program(command: str, options: argparse.Namespace) -> list[str]:
    """The words to run.

    One word with blanks in it, or one that is no command, is a line for a shell, as flux-broker(1)
    has it; the path of a program is run itself, so that no shell is between it and signals.
    """
    program: list[str] = options.program[options.program[:1] == ["--"] :]
    if len(program) != 1:
        return program
    word = program[0]
    if not word:
        raise ValueError(f"the program of `flux {command}` has no name")
    if len(word.split()) == 1 and shutil.which(word) is not None:
        return program
    if os.path.isfile(word) and os.access(word, os.X_OK | os.R_OK):
        return program
    if len(word.split()) == 1 and "/" in word:
        return program  # and is told that it cannot be run
    return [os.environ.get("SHELL") or "/bin/sh", "-c", word]


def _conf(given: Iterable[str]) -> "tuple[Source, ...]":
    from cli.options.conf import conf_sources

    return tuple(source for value in given for source in conf_sources(value))


def _modules(attributes: Attributes) -> "Modules":
    """What comes up with the broker.  Raises Unreadable."""
    from coordinator.child_python import search_path
    from coordinator.startup_modules import Package, startup_modules
    from participant.installed import installed
    from participant.loader import resolve
    from participant.modules import BUNDLED

    directory = attributes.values.get("modprobe.directory")
    if attributes.values.get("broker.rc1_path") == "":
        return startup_modules((), (), directory, resolve)
    # Only from where the modules' processes, too, import
    packages = (Package(*module) for module in installed(search_path()))
    return startup_modules(BUNDLED, packages, directory, resolve)


def _give_up(command: str, reasons: Iterable[Reason], status: int = 1) -> int:
    for reason in reasons:
        complain(command, str(reason))
    if status == 1:
        complain(command, "the broker did not start or could not go on; see the reasons above")
    sys.stderr.flush()
    return status
