# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config validate`: what the modules would say to files, without a broker.

Made for a configuration manager, which must not install a file that will be refused, and for the CI
of a repository of configurations.
"""

import argparse
import json
import os
from collections.abc import Callable, Container, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cli.client import Trouble, complain
from cli.options.duration import duration
from cli.streams import tell
from protocol import limits
from protocol.keys import Path
from protocol.reasons import Origin, Reason

if TYPE_CHECKING:
    from coordinator.files.reading import Source
    from participant.fluxcore.rehearsal import Rehearsed
    from participant.module import Module
    from protocol.configuration import Configuration


def build_validate(parser: argparse.ArgumentParser) -> None:
    """Describe `validate`."""
    parser.description = (
        "Read and merge the file or directory PATH, and have every bundled module judge it as it\n"
        "would in a broker, for a `reload` or, with --start, for a start.  Needs no broker.\n"
        "Warnings tell what the modules find doubtful, what only the next start would refuse, and\n"
        "tables and keys that no module reads."
    )
    parser.epilog = """\
exit status:
  0  valid
  1  refused; every reason is told, with its file, line and column
  2  wrong usage

examples:
  flux config validate /etc/flux/system/conf.d
  ansible: template: {src: queues.toml, dest: …, validate: "flux config validate --strict %s"}"""
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
    parser.add_argument("--strict", action="store_true", help="warnings are errors")
    parser.add_argument(
        "--timeout",
        metavar="FSD",
        type=duration,
        default=limits.PREPARE_SECONDS,
        help="time that each module has, and a rehearsal (default: 10s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("path", metavar="PATH")
    parser.set_defaults(run=validate)


def validate(options: argparse.Namespace) -> int:
    """Run `flux config validate`; the exit status."""
    from cli.commands.config.files import NO_FILES
    from coordinator.files.parsing import merge
    from coordinator.files.reading import Unreadable, read_sources
    from participant.judging import ask_within

    classes = _classes(options.module)
    reasons: tuple[Reason, ...] = ()
    warned: tuple[Reason, ...] = ()
    digest = ""
    rehearsed = 0
    sources: tuple[Source, ...] = ()
    try:
        sources = read_sources(os.path.abspath(options.path) if options.path else options.path)
        configuration = merge(sources)
    except Unreadable as unreadable:
        reasons = unreadable.reasons
    else:
        digest = configuration.digest
        judgements = [
            ask_within(options.timeout, name, module, configuration, options.start, _complain)
            for name, module in classes.items()
        ]
        reasons = _placed(
            (reason for judgement in judgements for reason in judgement.reasons), sources
        )
        said = _placed(
            (warning for judgement in judgements for warning in judgement.warnings), sources
        )
        told = {reason.key for reason in (*reasons, *said)}
        if options.rehearse:
            held = _rehearse(configuration, options.timeout)
            reasons = (*reasons, *_placed(held.reasons, sources))
            said = (*said, *held.warnings)
            rehearsed = len(held.said)
        warned = (*said, *_unread(configuration, classes.values(), told, sources))
        if not sources:
            warned = (Reason("config", NO_FILES, origin=Origin(options.path)), *warned)
    if options.strict:
        reasons, warned = (*reasons, *warned), ()
    _tell(options, digest, list(classes), rehearsed, reasons, warned)
    return 1 if reasons else 0


def _classes(named: Iterable[str]) -> "dict[str, type[Module]]":
    """The modules to be asked, by the names under which they join.  Raises Trouble."""
    from participant.loader import NotFound, Unloadable, load, name_of, resolve
    from participant.modules import BUNDLED

    classes = {}
    for typed in (*BUNDLED, *named):
        try:
            classes[name_of(typed)] = load(typed if typed not in named else resolve(typed))
        except (NotFound, Unloadable) as error:
            raise Trouble(str(error), "unloadable") from None
    return classes


def _rehearse(configuration: "Configuration", seconds: float) -> "Rehearsed":
    """What flux-core's own modules say to a change from nothing to this."""
    from cli.real_flux import named_or_found
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


def _tell(
    options: argparse.Namespace,
    digest: str,
    modules: list[str],
    rehearsed: int,
    reasons: tuple[Reason, ...],
    warned: tuple[Reason, ...],
) -> None:
    if options.json:
        shown: dict[str, Any] = {
            "version": 1,
            "result": "refused" if reasons else "valid",
            "valid": not reasons,
            "path": options.path,
            "digest": digest,
            "modules": modules,
            **({"rehearsed": rehearsed} if options.rehearse else {}),
            "reasons": [reason.as_json() for reason in reasons],
            "warnings": [reason.as_json() for reason in warned],
        }
        tell(json.dumps(shown))
        return
    for reason in warned:
        complain("config", f"warning: {_without_prefix(reason)}")
    for reason in reasons:
        complain("config", _without_prefix(reason))
    if not reasons:
        count = f"{len(modules)} modules"
        if rehearsed:
            count += f"; rehearsed by {rehearsed} of flux-core's own"
        tell(f"valid: {options.path}, {count}")


def _complain(text: str) -> None:
    complain("config", text)


def _without_prefix(reason: Reason) -> str:
    return str(reason).removeprefix("config: ")


BUILDERS: dict[str, Callable[[argparse.ArgumentParser], None]] = {"validate": build_validate}
