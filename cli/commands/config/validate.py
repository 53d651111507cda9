# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config validate`: what the modules would say to files, without a broker.

Made for a configuration manager, which must not install a file that will be refused, for the hooks
and the CI of a repository of configurations, and for editors.
"""

import argparse
import json
import os
from collections.abc import Callable, Container, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from cli.client import complain
from cli.options.duration import duration
from cli.output import mistakes
from cli.streams import tell
from protocol import limits
from protocol.keys import Path
from protocol.reason_code import ReasonCode
from protocol.reasons import Origin, Reason

if TYPE_CHECKING:
    from cli.commands.config.roster import Roster
    from coordinator.files.reading import Source
    from participant.fluxcore.rehearsal import Rehearsed
    from participant.module import Module
    from protocol.configuration import Configuration


def build_validate(parser: argparse.ArgumentParser) -> None:
    """Describe `validate`."""
    parser.description = (
        "Read and merge the file or directory PATH (- is stdin), and have every bundled module\n"
        "judge it as it would in a broker, for a `reload` or, with --start, for a start.\n"
        "Needs no broker.  Warnings tell what the modules find doubtful, what only the next\n"
        "start would refuse, and tables and keys that no module reads."
    )
    parser.epilog = """\
exit status:
  0  valid
  1  refused; every reason is told, with its file, line and column
  2  wrong usage

examples:
  flux config validate /etc/flux/system/conf.d
  flux config validate --with new/queues.toml /etc/flux/system/conf.d
  ansible: template: {src: queues.toml, dest: /etc/flux/system/conf.d/queues.toml,
             validate: flux config validate --with %s=queues.toml /etc/flux/system/conf.d}"""
    parser.add_argument(
        "--with",
        metavar="FILE[=AS]",
        dest="given",
        action="append",
        default=[],
        help="judge the directory PATH as it will be with FILE in it, under the name AS (default: "
        "its own); --with=-=AS is stdin; may be given several times",
    )
    parser.add_argument(
        "--dump",
        metavar="FILE",
        help="ask the modules of a broker, with its load arguments, environment and runtime "
        "values, from what `flux config dump` printed there, in place of the bundled ones",
    )
    parser.add_argument(
        "--module",
        metavar="MODULE",
        action="append",
        default=[],
        help="ask this module, too: a file, or a name on FLUX_MODULE_PATH; may be given several "
        "times",
    )
    parser.add_argument(
        "--start",
        action=argparse.BooleanOptionalAction,
        help="judge it for a start, which also looks for this host's name and for files; with "
        "--no-start not even as a warning, for another host's",
    )
    parser.add_argument(
        "--rehearse",
        action="store_true",
        help="have flux-core's own modules judge it, too, in an instance that is started for this "
        "and thrown away; where there is no flux-core that is a warning",
    )
    parser.add_argument(
        "--checks",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="run the commands of [[checks]]; with --no-checks none, for another host's files",
    )
    parser.add_argument("--strict", action="store_true", help="warnings are errors")
    parser.add_argument(
        "--timeout",
        metavar="FSD",
        type=duration,
        default=limits.PREPARE_SECONDS,
        help="time that each module has, and a rehearsal (default: 10s)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object")
    form.add_argument(
        "--format",
        choices=("text", "line", "github"),
        default="text",
        help="line: file:line:column: level: message, on stdout; github: annotations of a workflow",
    )
    parser.add_argument("path", metavar="PATH")
    parser.set_defaults(run=validate)


class _Found(NamedTuple):
    """What was found out about the texts."""

    reasons: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()
    digest: str = ""
    rehearsed: int = 0


def validate(options: argparse.Namespace) -> int:
    """Run `flux config validate`; the exit status."""
    from cli.commands.config import roster
    from cli.commands.config.candidate import candidate, placed
    from coordinator.files.parsing import merge
    from coordinator.files.reading import Unreadable

    given = [placed(typed) for typed in options.given]
    asked = (
        roster.bundled(options.module, options.timeout)
        if options.dump is None
        else roster.dumped(options.dump, options.module, options.timeout)
    )
    try:
        sources = candidate(options.path, given)
        found = _judged(options, merge(sources), asked, sources)
    except Unreadable as unreadable:
        found = _Found(unreadable.reasons)
    if options.strict:
        found = found._replace(reasons=(*found.reasons, *found.warnings), warnings=())
    _tell(options, list(asked.asked), found)
    return 1 if found.reasons else 0


def _judged(
    options: argparse.Namespace,
    configuration: "Configuration",
    roster: "Roster",
    sources: "tuple[Source, ...]",
) -> _Found:
    from cli.commands.config.files import NO_FILES
    from participant.judging import ask_within

    not_run = _why_no_checks(options, configuration, sources)
    judgements = [
        ask_within(options.timeout, name, asked.module, configuration, options.start, _complain,
                   asked.arguments)
        for name, asked in roster.asked.items()
        if name != "checks" or not not_run
    ]  # fmt: skip
    reasons = _placed((one for judgement in judgements for one in judgement.reasons), sources)
    said = _placed((one for judgement in judgements for one in judgement.warnings), sources)
    told = {reason.key for reason in (*reasons, *said)}
    said = (*roster.not_asked, *said)
    rehearsed = 0
    if options.rehearse:
        held = _rehearse(configuration, options.timeout)
        reasons = (*reasons, *_placed(held.reasons, sources))
        said = (*said, *held.warnings)
        rehearsed = len(held.said)
    modules = [asked.module for asked in roster.asked.values()]
    warned = (*said, *not_run, *_unread(configuration, modules, told, sources))
    if not sources:
        warned = (Reason("config", NO_FILES, origin=Origin(options.path)), *warned)
    return _Found(reasons, warned, configuration.digest, rehearsed)


def _why_no_checks(
    options: argparse.Namespace, configuration: "Configuration", sources: "tuple[Source, ...]"
) -> tuple[Reason, ...]:
    """Why the commands that the files name are not run, if there are any and they are not.

    They would run as whoever types this, who may be root, and look at the files of somebody else.
    """
    from coordinator.files.writers import CHECKS, strangers

    if not configuration.tree.get(CHECKS):
        return ()
    if not options.checks:
        why = "its commands were not run: --no-checks"
        return (Reason(CHECKS, why, code=ReasonCode.NOT_ASKED),)
    return tuple(
        replace(
            reason,
            module=CHECKS,
            message=f"its commands were not run: {reason.message}",
            code=ReasonCode.NOT_ASKED,
        )
        for reason in strangers(configuration, sources)
    )


def _rehearse(configuration: "Configuration", seconds: float) -> "Rehearsed":
    """What flux-core's own modules say to a change from nothing to this."""
    from fluxcore.command import named_or_found
    from participant.fluxcore.rehearsal import USUAL, Rehearsed, rehearse
    from participant.judging import Judgement
    from protocol.configuration import EMPTY

    flux = named_or_found()
    if flux is None:
        why = "no flux-core: FLUX_CORE is not set, and there is no `flux` but ours on PATH"
        return Rehearsed(why_none=why)
    held = rehearse(flux, USUAL, EMPTY, configuration, seconds)
    said = {
        name: Judgement(tuple(replace(reason, message=f"{reason.message} (rehearsed)")
                              for reason in judgement.reasons))
        for name, judgement in held.said.items()
    }  # fmt: skip
    return held._replace(said=said)


def _unread(
    configuration: "Configuration",
    modules: "Iterable[type[Module]]",
    told: Container[Path],
    sources: "tuple[Source, ...]",
) -> tuple[Reason, ...]:
    """Tables and keys that no module reads, without those that were `told` of already."""
    from cli.commands.config.unknown_keys import warnings

    found = (reason for reason in warnings(configuration, modules) if reason.key not in told)
    return _placed(found, sources)


def _placed(reasons: Iterable[Reason], sources: "tuple[Source, ...]") -> tuple[Reason, ...]:
    from coordinator.files.provenance import Provenance, located

    return located(reasons, Provenance(sources))


# Telling


def _tell(options: argparse.Namespace, modules: list[str], found: _Found) -> None:
    reasons, warned = ([reason.as_json() for reason in told]
                       for told in (found.reasons, found.warnings))  # fmt: skip
    if options.json:
        shown: dict[str, Any] = {
            "version": 1,
            "result": "refused" if reasons else "valid",
            "valid": not reasons,
            "path": options.path,
            "digest": found.digest,
            "modules": modules,
            **({"rehearsed": found.rehearsed} if options.rehearse else {}),
            "reasons": mistakes.in_order(reasons),
            "warnings": mistakes.in_order(warned),
        }
        tell(json.dumps(shown))
    elif options.format == "text":
        mistakes.tell("config", warned, "warning: ")
        mistakes.tell("config", reasons)
        if not reasons:
            count = f"{len(modules)} modules"
            if found.rehearsed:
                count += f"; rehearsed by {found.rehearsed} of flux-core's own"
            tell(f"valid: {options.path}, {count}")
    else:
        _tell_programs(options, reasons, warned)


def _tell_programs(
    options: argparse.Namespace, reasons: list[mistakes.Shown], warned: list[mistakes.Shown]
) -> None:
    """A line for each, in the order of the places, under the names by which files were given."""
    level = {id(reason): "error" for reason in reasons}
    for reason in mistakes.in_order([*reasons, *warned]):
        shown = reason
        if "source" in reason and not os.path.isabs(options.path):
            shown = {**reason, "source": _as_given(str(reason["source"]))}
        if options.format == "line":
            tell(mistakes.as_line(shown, level.get(id(reason), "warning"), options.path))
        else:
            tell(mistakes.as_annotation(shown, level.get(id(reason), "warning")))


def _as_given(source: str) -> str:
    """A file's name as seen from here, where it was given like that."""
    return os.path.relpath(source) if os.path.isabs(source) else source


def _complain(text: str) -> None:
    complain("config", text)


BUILDERS: dict[str, Callable[[argparse.ArgumentParser], None]] = {"validate": build_validate}
