# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux-accord`: what `flux` of this distribution has, and agents for an instance of flux-core.

flux-core runs it for `flux accord …`.  `up` and `down` are for a whole instance; they start it on
every rank by `flux exec` as `agent`.  All other commands are those of `flux`.
"""

import argparse
import os
import subprocess
import sys

from cli import main as commands
from cli.client import complain
from cli.options.parser import OURS_ALONE, Parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    kinds = {"up": _up, "down": _down, "agent": _agent}
    if given[:1] and given[0] in kinds:
        return kinds[given[0]](given[1:])
    return commands.main(given)


def _up(arguments: list[str]) -> int:
    parser = Parser("flux accord up", OURS_ALONE, description=(
        "Start an agent on every rank of this Flux instance: from then on `flux config reload`, "
        "load, set and unset change all modules on all ranks, or none."))  # fmt: skip
    _add_no_rehearse(parser)
    options = _given(parser.parse_args(arguments))
    return _on_all_ranks("up", ["agent", "--detach", *options])


def _down(arguments: list[str]) -> int:
    parser = Parser(
        "flux accord down",
        OURS_ALONE,
        description=(
            "End the agents, and give the `config` service back to Flux's own module on every rank."
        ),
    )
    parser.parse_args(arguments)
    return _on_all_ranks("down", ["agent", "--stop"])


def _on_all_ranks(command: str, rest: list[str]) -> int:
    """Run this program on all ranks by `flux exec`; its exit status is the largest of theirs."""
    from fluxcore.bindings import NoFlux, find_flux

    if "FLUX_URI" not in os.environ:
        complain(f"accord {command}", "FLUX_URI is not set: run it in a Flux instance")
        return 1
    try:
        flux = find_flux()
    except NoFlux as error:
        complain(f"accord {command}", str(error))
        return 1
    ours = [sys.executable, "-m", "cli.accord", *rest]
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run([flux, "exec", "-r", "all", *ours], check=False,
                          env={**os.environ, "PYTHONPATH": path, "FLUX_CORE": flux})  # fmt: skip
    return done.returncode


def _agent(arguments: list[str]) -> int:
    parser = Parser(
        "flux accord agent",
        OURS_ALONE,
        description=(
            "Serve this rank until the broker ends or SIGTERM comes; then `config` is given back."
        ),
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--detach", action="store_true",
                     help="return when a process in the background serves")  # fmt: skip
    how.add_argument("--stop", action="store_true", help="end the agent of this rank")
    how.add_argument("--behind", action="store_true", help=argparse.SUPPRESS)
    _add_no_rehearse(parser)
    parser.add_argument("--ready-fd", type=int, metavar="FD", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.behind:
        from cli.accord import agent

        return agent.serve(rehearse=not options.no_rehearse)
    from cli.accord import front

    if options.detach:
        return front.detach(_given(options))
    return front.stop() if options.stop else front.become(options.ready_fd, _given(options))


def _add_no_rehearse(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-rehearse", action="store_true",
                        help="rank 0 does not rehearse changes, also those of `flux config load`"
                        )  # fmt: skip


def _given(options: argparse.Namespace) -> list[str]:
    """What the agent itself is to be given of these."""
    return ["--no-rehearse"] if options.no_rehearse else []


if __name__ == "__main__":
    sys.exit(main())
