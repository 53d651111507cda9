# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config set`, `unset`, `load`, `reload`, `rollback` and `confirm`: all or nothing, each."""

import argparse
import shlex
from typing import Any

from cli import streams
from cli.client import Client, Trouble
from cli.options.completers import complete_by, generations
from cli.options.duration import add_timeout, duration
from cli.options.key import add_name
from cli.output.result import change

_STATUS = """
exit status:
  0  committed, unchanged, or valid (--dry-run)
  1  refused or failed; nothing changed
  2  wrong usage; 1 of a command that Flux has, too
  3  committed, but some module has not applied it"""


def build_set(parser: argparse.ArgumentParser) -> None:
    """Describe `set`."""
    parser.description = (
        "Give the dotted key NAME a value, if all modules agree.  The edit is made to what runs\n"
        "when its turn comes: edits by others at the same time are kept.  `reload` drops it again."
    )
    parser.epilog = (
        """\
types:
  string   as it is, or as a JSON string
  integer  decimal, 0x for hexadecimal, 0 for octal
  real     a number
  boolean  false for what begins with 0, f or F and for nothing, else true
  object, array, any   JSON
  fsd      a duration such as "1.5m"
  By default the type of the value that NAME has already.

examples:
  flux config set heartbeat.period 5s
  flux config set --type=array resource.exclude '["node1","node2"]'
  flux config set --if-generation=7 --confirm=2m tbon.torpid_max 1m
"""
        + _STATUS
    )
    parser.add_argument(
        "-t", "--type", metavar="TYPE", help="type of VALUE (default: that of the present value)"
    )
    _add_options(parser)
    add_name(parser)
    parser.add_argument("value", metavar="VALUE")
    parser.set_defaults(run=set_)


def set_(options: argparse.Namespace) -> int:
    """Run `flux config set`; the exit status."""
    if options.type is not None:
        options.type = options.type.lower()
    typed = f"{options.name} {shlex.quote(options.value[:200])}"
    return _change(
        options, "set", f"set {typed}", name=options.name, value=options.value, type=options.type
    )


def build_unset(parser: argparse.ArgumentParser) -> None:
    """Describe `unset`."""
    parser.description = (
        "Take the dotted key NAME away, if all modules agree.  One that is not\nset is no error."
    )
    parser.epilog = _STATUS
    _add_options(parser)
    add_name(parser)
    parser.set_defaults(run=lambda o: _change(o, "unset", f"unset {o.name}", name=o.name))


def build_load(parser: argparse.ArgumentParser) -> None:
    """Describe `load`."""
    parser.description = (
        "Replace the whole configuration by what stdin gives, TOML or a JSON object, or by what\n"
        "is at PATH: a .json file, another file (TOML), or the *.toml in a directory.  Nothing on\n"
        "stdin is the empty configuration."
    )
    parser.epilog = _STATUS
    _add_options(parser)
    parser.add_argument("path", metavar="PATH", nargs="?")
    parser.set_defaults(run=load)


def load(options: argparse.Namespace) -> int:
    """Run `flux config load`; the exit status."""
    from cli.commands.config.files import to_send

    Client()  # without a broker there is no point in reading
    typed = f"load {shlex.quote(options.path)}" if options.path is not None else "load"
    return _change(options, "load", typed, sources=to_send(options.path, options.strict))


def build_merge(parser: argparse.ArgumentParser) -> None:
    """Describe `merge`."""
    parser.description = (
        "Merge FILE, or what stdin gives where FILE is -, into what runs, if all modules agree:\n"
        "one change, however many keys.  Tables are merged; every other value, an array too,\n"
        "replaces the one that is there; what FILE does not name stays as it is when the turn of\n"
        "this change comes.  A .json file, and what begins with a brace on stdin, is a JSON Merge\n"
        "Patch (RFC 7396): there, null takes a key away.  TOML has no null and takes nothing away."
    )
    parser.epilog = (
        """\
examples:
  flux config merge tuned.toml
  echo '{"heartbeat": {"period": "5s", "timeout": null}}' | flux config merge -
"""
        + _STATUS
    )
    _add_options(parser)
    parser.add_argument("path", metavar="FILE")
    parser.set_defaults(run=merge)


def merge(options: argparse.Namespace) -> int:
    """Run `flux config merge`; the exit status."""
    from cli.commands.config.files import one_to_send

    Client()  # without a broker there is no point in reading
    typed = f"merge {shlex.quote(options.path)}"
    return _change(options, "merge", typed, sources=[one_to_send(options.path)])


def build_edit(parser: argparse.ArgumentParser) -> None:
    """Describe `edit`."""
    parser.description = (
        "Change what runs in an editor, if all modules agree: that of VISUAL, else of EDITOR,\n"
        "else vi.  The text that is left there replaces the whole configuration, as with `load`;\n"
        "text that is left as it was changes nothing.  If it is refused, or another change was\n"
        "faster, nothing is lost: the text stays where the last line says."
    )
    parser.epilog = _STATUS
    _add_options(parser)
    parser.set_defaults(run=edit)


def edit(options: argparse.Namespace) -> int:
    """Run `flux config edit`; the exit status."""
    from cli.commands.config.editor import edited

    _check_message(options)
    with edited(Client().ask("get"), options.if_generation) as text:
        if text is None:
            streams.tell("unchanged: the text is as it was")
            return 0
        options.if_generation = text.generation
        status = _change(options, "load", "edit", sources=[text.as_source()])
        text.keep = status != 0 or options.dry_run
    return status


def build_reload(parser: argparse.ArgumentParser) -> None:
    """Describe `reload`."""
    parser.description = (
        "Read the files that the broker was started with, and move to what they say, if all\n"
        "modules agree.  What `set` and `load` have changed is dropped."
    )
    parser.epilog = _STATUS
    parser.add_argument(
        "--follower-noop",
        action="store_true",
        help="do nothing, successfully, on a broker of a rank above 0",
    )
    _add_options(parser)
    parser.set_defaults(run=reload)


def reload(options: argparse.Namespace) -> int:
    """Run `flux config reload`; the exit status."""
    if options.follower_noop and Client().ask("getattr", name="rank")["value"] != "0":
        return 0
    return _change(options, "reload", "reload")


def build_rollback(parser: argparse.ArgumentParser) -> None:
    """Describe `rollback`."""
    parser.description = (
        "Make what generation GEN was the next generation, if all modules agree; by default the\n"
        "one before the one in force.  `flux config history` lists them."
    )
    parser.epilog = _STATUS
    _add_options(parser)
    number = parser.add_argument("generation", metavar="GEN", nargs="?", type=generation)
    complete_by(number, generations)
    parser.set_defaults(run=rollback)


def rollback(options: argparse.Namespace) -> int:
    """Run `flux config rollback`; the exit status."""
    number = options.generation
    typed = "rollback" if number is None else f"rollback {number}"
    return _change(options, "rollback", typed, generation=number)


def build_confirm(parser: argparse.ArgumentParser) -> None:
    """Describe `confirm`."""
    parser.description = (
        "Keep what was committed with --confirm: it is not undone any more.  With --extend it is\n"
        "undone later instead, unless it is confirmed by then."
    )
    parser.epilog = _STATUS
    parser.add_argument(
        "--extend",
        metavar="FSD",
        type=duration,
        help="do not keep it yet; give it so much time from now",
    )
    add_timeout(parser)
    _add_output(parser)
    parser.set_defaults(run=confirm)


def confirm(options: argparse.Namespace) -> int:
    """Run `flux config confirm`; the exit status."""
    return change(
        "config",
        options.json,
        "confirm",
        options.timeout,
        quiet=options.quiet,
        extend=options.extend,
        command="flux config confirm",
    )


# What they share


def generation(text: str) -> int:
    """A generation's number; for argparse's `type`."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise argparse.ArgumentTypeError(f"{text!r:.60} is no generation; write its number")
    return int(text)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="ask every module, change nothing")
    expected = parser.add_argument(
        "--if-generation",
        metavar="N",
        type=generation,
        help="refuse unless generation N is in force",
    )
    complete_by(expected, generations)
    parser.add_argument(
        "--confirm",
        metavar="FSD",
        type=duration,
        help="undo it by itself unless `flux config confirm` comes within this time",
    )
    parser.add_argument("--strict", action="store_true", help="a warning refuses")
    parser.add_argument(
        "--no-rehearse",
        action="store_true",
        help="in a Flux instance: do not try it first on flux-core's own modules beside it",
    )
    parser.add_argument(
        "-m", "--message", metavar="MESSAGE", default="", help="why; kept in the history"
    )
    add_timeout(parser)
    _add_output(parser)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing on success")
    parser.add_argument("--json", action="store_true", help="print the outcome as a JSON object")


def _check_message(options: argparse.Namespace) -> None:
    if len(options.message) > 1000:
        raise Trouble("the message is longer than 1000 characters", "too-large")


def _change(options: argparse.Namespace, op: str, typed: str, **fields: Any) -> int:
    _check_message(options)
    return change(
        "config",
        options.json,
        op,
        options.timeout,
        quiet=options.quiet,
        dry_run=options.dry_run,
        if_generation=options.if_generation,
        confirm=options.confirm,
        message=options.message,
        strict=options.strict,
        command=f"flux config {typed}",
        **({"rehearse": False} if options.no_rehearse else {}),
        **fields,
    )


BUILDERS = {
    "set": build_set,
    "unset": build_unset,
    "load": build_load,
    "merge": build_merge,
    "edit": build_edit,
    "reload": build_reload,
    "rollback": build_rollback,
    "confirm": build_confirm,
}
