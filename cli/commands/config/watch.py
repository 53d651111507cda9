# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config watch` and `dump`: for programs that follow a broker, or ask for everything."""

import argparse
import errno
import gc
import json
import sys
from typing import Any

from cli.client import Client
from cli.options.key import add_name


def build_watch(parser: argparse.ArgumentParser) -> None:
    """Describe `watch`."""
    parser.description = (
        "Print the value of the dotted key NAME, or of everything, now and at every committed\n"
        "generation, as one JSON object a line, until interrupted.  A candidate that has not been\n"
        "committed is never shown.  A reader that is too slow skips to the latest generation."
    )
    parser.epilog = """\
output:
  {"version":1,"generation":7,"digest":"…","at":1760000000.1,"set":true,"value":"5s"}
  Where NAME is not set, `set` is false and there is no value."""
    add_name(parser, optional=True)
    parser.add_argument(
        "--events",
        action="store_true",
        help="print what happens instead: commits, refusals, undos, members lost and back; goes on "
        "with the next broker when one ends, and says what it cannot know (`gap`)",
    )
    parser.add_argument(
        "--since",
        metavar="GEN",
        type=int,
        help="with --events: first what happened after generation GEN was committed",
    )
    parser.set_defaults(run=watch, fail=parser.error)


def watch(options: argparse.Namespace) -> int:
    """Run `flux config watch` until it is interrupted, the broker ends, or nobody reads it."""
    gc.enable()  # this one may run for months
    if options.events:
        from cli.commands.config.events import watch_events

        if options.name is not None:
            options.fail("with --events there is no NAME: all that happens is told")
        return watch_events(options.since)
    if options.since is not None:
        options.fail("--since goes with --events")
    client = Client()
    client.send("watch", **({} if options.name is None else {"name": options.name}))
    while client.wait(sys.stdout.fileno()):
        answer = client.receive(None)
        print(json.dumps(answer, separators=(",", ":"), ensure_ascii=False), flush=True)
    raise BrokenPipeError(errno.EPIPE, "nobody reads what is watched")


def build_dump(parser: argparse.ArgumentParser) -> None:
    """Describe `dump`."""
    parser.description = (
        "Print everything at once: the configuration in force; of every module its state, its\n"
        "load arguments and its values in force, with where each is from; and the attributes of\n"
        "the broker."
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as one JSON object (the default)")
    form.add_argument("--toml", action="store_true", help="as TOML")
    parser.set_defaults(run=dump)


def dump(options: argparse.Namespace) -> int:
    """Run `flux config dump`; the exit status."""
    answer = Client().ask("dump")
    if options.toml:
        from cli.output.toml import as_toml

        print(as_toml(_without_null(answer)), end="")
    else:
        print(json.dumps(answer, indent=None if options.json else 2, ensure_ascii=False))
    return 0


def _without_null(value: Any) -> Any:
    """TOML has no null; defaults may be."""
    if isinstance(value, dict):
        return {key: _without_null(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [_without_null(member) for member in value if member is not None]
    return value


BUILDERS = {"watch": build_watch, "dump": build_dump}
