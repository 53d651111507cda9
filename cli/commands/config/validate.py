# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config validate`: what the modules would say to files, without a broker.

Made for a configuration manager, which must not install a file that will be refused, and for the CI
of a repository of configurations.
"""

import argparse
import json
import threading
from collections.abc import Callable, Container, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from cli.client import Trouble, complain
from cli.options.duration import duration
from cli.streams import tell
from protocol import limits
from protocol.keys import Path
from protocol.reasons import Reason, Refusal

if TYPE_CHECKING:
    from coordinator.files.reading import Source
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
    parser.add_argument("--strict", action="store_true", help="warnings are errors")
    parser.add_argument(
        "--timeout",
        metavar="FSD",
        type=duration,
        default=limits.PREPARE_SECONDS,
        help="time that each module has (default: 10s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("path", metavar="PATH")
    parser.set_defaults(run=validate)


def validate(options: argparse.Namespace) -> int:
    """Run `flux config validate`; the exit status."""
    from cli.commands.config.files import sources_at
    from coordinator.files.parsing import merge
    from coordinator.files.reading import Unreadable

    classes = _classes(options.module)
    reasons: tuple[Reason, ...] = ()
    warned: tuple[Reason, ...] = ()
    digest = ""
    sources = sources_at(options.path)
    try:
        configuration = merge(sources)
    except Unreadable as unreadable:
        reasons = unreadable.reasons
    else:
        digest = configuration.digest
        judgements = [
            judged(name, module, configuration, options.start, options.timeout)
            for name, module in classes.items()
        ]
        reasons = _placed(
            (reason for judgement in judgements for reason in judgement.reasons), sources
        )
        said = _placed(
            (warning for judgement in judgements for warning in judgement.warnings), sources
        )
        told = {reason.key for reason in (*reasons, *said)}
        warned = (*said, *_unread(configuration, classes.values(), told, sources))
    if options.strict:
        reasons, warned = (*reasons, *warned), ()
    _tell(options, digest, list(classes), reasons, warned)
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
            raise Trouble(str(error)) from None
    return classes


# Judging


class Judgement(NamedTuple):
    """What a module says to a configuration; no reasons where it accepts."""

    reasons: tuple[Reason, ...]
    warnings: tuple[Reason, ...] = ()


def judged(
    name: str,
    module: "type[Module]",
    configuration: "Configuration",
    starting: bool | None,
    seconds: float,
) -> Judgement:
    """What a module says within `seconds`.

    `starting`: as at a start; None: as to a change, with what only a start would refuse among the
    warnings; False: without that.
    """
    said: list[Judgement] = []

    def ask() -> None:
        said.append(_ask(module, configuration, starting))

    # An author's prepare may hang; a thread can be left behind, and ends with this process.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if not said:
        return Judgement((Reason(name, f"did not answer within {seconds:g} s"),))
    reasons, warnings = said[0]
    return Judgement(
        tuple(replace(reason, module=name) for reason in reasons),
        tuple(replace(warning, module=name) for warning in warnings),
    )


def _ask(
    module: "type[Module]", configuration: "Configuration", starting: bool | None
) -> Judgement:
    judge: Module | None = None
    try:
        judge = module()
        judge.starting = bool(starting)
        found = judge.judge(configuration, about_a_start=starting is None)
    except BaseException as error:  # whatever author's code raises is a no, as in a broker
        text = judge.without_secrets(str(error)) if judge else str(error)
        return Judgement((Reason("?", f"prepare raised {type(error).__name__}: {text}"),))
    if isinstance(found, Refusal):
        return Judgement(found.reasons, judge.warnings)
    try:
        judge.abort(found.built)
    except Exception as error:
        text = judge.without_secrets(str(error))
        complain("config", f"abort raised {type(error).__name__}: {text}")
    return Judgement((), judge.warnings)


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
    reasons: tuple[Reason, ...],
    warned: tuple[Reason, ...],
) -> None:
    if options.json:
        shown: dict[str, Any] = {
            "version": 1,
            "valid": not reasons,
            "path": options.path,
            "digest": digest,
            "modules": modules,
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
        tell(f"valid: {options.path}, {count}")


def _without_prefix(reason: Reason) -> str:
    return str(reason).removeprefix("config: ")


BUILDERS: dict[str, Callable[[argparse.ArgumentParser], None]] = {"validate": build_validate}
