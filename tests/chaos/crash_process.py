# SPDX-License-Identifier: LGPL-3.0-or-later
"""A broker, or a module's process, that is what it always is, and dies when a test wants it to.

`python -m tests.chaos.crash_process broker …` builds the same broker as `flux broker` does.
`python -m tests.chaos.crash_process module PLANS --name …` runs what a broker starts.
Both only add a hook, which the production code has for this.
"""

import argparse
import ctypes
import os
import resource
import signal
import sys
import time
from pathlib import Path

from tests.chaos.plans import Striker

_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE = 24, 1


def main(arguments: list[str]) -> int:
    """Run what the first argument says."""
    what, *rest = arguments
    if what == "powerless":
        return _without_override(rest)
    return _module(Path(rest[0]), rest[1:]) if what == "module" else _broker(rest)


def _broker(arguments: list[str]) -> int:
    from cli.commands.broker import serve
    from coordinator.broker import Options
    from coordinator.core.requests import Spec
    from coordinator.runtime.log import Log
    from protocol import limits

    options = _parser().parse_args(arguments)
    for pair in options.limit:
        name, _, value = pair.partition("=")
        assert hasattr(limits, name)
        setattr(limits, name, float(value))
    if options.file_size:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (options.file_size, resource.RLIM_INFINITY))
    if options.betray:
        from tests.chaos import mutants

        mutants.MUTANTS[options.betray]()
    modules = tuple((pair.partition("=")[0], Spec(pair.partition("=")[2]))
                    for pair in options.module)  # fmt: skip
    wanted = Options(
        options.rundir,
        options.statedir,
        options.config,
        modules,
        fallback=options.fallback,
        wall_clock=lambda: time.time() - options.clock_back,
        module_command=(sys.executable, "-m", "tests.chaos.crash_process", "module", options.plans),
    )
    return serve("broker", wanted, Log("json"), Striker(Path(options.plans, "broker")))


def _without_override(arguments: list[str]) -> int:
    """Start again without the power of root to write where the mode of a file forbids it."""
    ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE)
    os.execv(sys.executable, [sys.executable, "-m", "tests.chaos.crash_process", *arguments])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="crash_process")
    parser.add_argument("--rundir", required=True)
    parser.add_argument("--statedir", required=True)
    parser.add_argument("--plans", required=True, help="directory with the plans of all processes")
    parser.add_argument("--config")
    parser.add_argument("--fallback", action="store_true")
    parser.add_argument("--module", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--limit", action="append", default=[], metavar="NAME=SECONDS",
                        help="another value for a number of protocol.limits")  # fmt: skip
    parser.add_argument("--file-size", type=int, help="largest file that may be written, in bytes")
    parser.add_argument("--clock-back", type=float, default=0.0, metavar="SECONDS",
                        help="let the ledger's clock be that much behind")  # fmt: skip
    parser.add_argument("--betray", help="break a promise in this way, so that judges can be tried")
    return parser


def _module(plans: Path, arguments: list[str]) -> int:
    from participant.module import Module
    from participant.runtime import process
    from participant.runtime.serve import Hook, Serving
    from participant.transport.interface import ParticipantTransport
    from tests.chaos import evidence, faults

    name = os.environ[evidence.NAME_VARIABLE] = arguments[1]
    hook = faults.both(faults.Around(name), Striker(plans / name))

    class Known(Serving):
        """A Serving that faults can reach."""

        def __init__(
            self,
            link: ParticipantTransport,
            module: Module,
            name: str,
            hook: Hook | None = None,
        ) -> None:
            super().__init__(link, module, name, hook)
            faults.knows(self)

    return process.main(arguments, hook, serving=Known)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONFAULTHANDLER", "1")
    sys.exit(main(sys.argv[1:]))
