# SPDX-License-Identifier: LGPL-3.0-or-later
"""Bundled validators: which of our modules says what a module of flux-core would say.

The modules of flux-core cannot be asked before commit.  For those that read the configuration there
is a bundled module of ours that makes the same checks (docs/flux-compat.md; compared with flux-core
0.88 case by case in tests/conformance).  For any other name nobody can know before commit.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final, NamedTuple

from participant.contract import check_instance
from participant.judging import Judgement, ask, renamed
from participant.loader import load
from participant.module import Module
from participant.modules import BUNDLED
from protocol.configuration import Configuration
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason

NEXT_START: Final = "modprobe"
"""Judges for flux-modprobe(1), which is no module: names that only the next start would refuse."""

SAME_CODE: Final[Mapping[str, str]] = {"sdbus-sys": "sdbus"}
"""Modules of flux-core that are another one under a second name."""

READS_NOTHING: Final = frozenset(
    {"barrier", "config", "content", "content-files", "cron", "groups", "job-info", "kvs-watch"}
    | {"rexec", "sched-backfill", "sched-fifo", "sched-simple", "sdexec-mapper", "sdmon"}
)
"""Modules of flux-core 0.88 that accept any configuration: their yes is known beforehand."""


LOOKS_OUTSIDE: Final[Mapping[str, tuple[str, ...]]] = {
    "job-manager": ("job-manager",),
    "modprobe": ("modules",),
    "overlay": ("bootstrap",),
    "resource": ("resource", "fake-resources"),
}
"""Validators that look at more than the configuration (files, the host's name), where it has these
tables: what they have said is not said again."""


def validator_of(name: str) -> str | None:
    """The bundled module that judges for the module `name` of a Flux broker; None for nobody."""
    name = SAME_CODE.get(name, name)
    return name if name in BUNDLED else None


def unjudged(names: Iterable[str]) -> tuple[str, ...]:
    """Those of the modules of whom nobody can know before commit what they will say."""
    return tuple(
        sorted(
            name for name in set(names) if validator_of(name) is None and name not in READS_NOTHING
        )
    )


def judge(
    names: Iterable[str], candidate: Configuration, about_a_start: bool = True
) -> dict[str, Judgement]:
    """What the modules of these names would say to a change to `candidate`.

    One entry for each name that has a validator.  With `about_a_start` the warnings have what only
    the next start would refuse.  Never raises for what a validator does: one that fails is a fault
    of ours, and no reason against a change that Flux's own module may accept; it says so in a
    warning.
    """
    found: dict[str, Judgement] = {}
    for name in sorted(set(names)):
        validator = validator_of(name)
        if validator is not None:
            found[name] = _judged(name, validator, candidate, None if about_a_start else False)
    return found


class _Verdict(NamedTuple):
    """What a validator has said, and the tables that it had looked at, encoded."""

    said: Judgement
    tables: Mapping[str, bytes]


_last: dict[tuple[str, bool | None], _Verdict] = {}


def _judged(
    name: str, validator: str, candidate: Configuration, starting: bool | None
) -> Judgement:
    """As it says now, or has said of the same tables: most changes are about others."""
    last = _last.get((validator, starting))
    parts = candidate.parts
    if last is not None and all(parts.encoding(of) == was for of, was in last.tables.items()):
        return renamed(last.said, name)
    watched, table = candidate.watched()
    try:
        said = ask(_class(validator), watched, starting, lambda _: None, sound=True)
    except Exception as error:
        why = f"its validator failed, so nobody can know before commit: {error}"
        return Judgement((), (Reason(name, why, code=ReasonCode.NOT_ASKED),))
    seen = table.seen
    if seen is None or any(of in parts for of in LOOKS_OUTSIDE.get(validator, ())):
        _last.pop((validator, starting), None)
    else:
        _last[validator, starting] = _Verdict(said, {of: parts.encoding(of) for of in seen})
    return renamed(said, name)


@cache
def _class(validator: str) -> type[Module]:
    """Raises NotAModule where it could agree to what it never looked at."""
    found = load(validator)
    check_instance(found())
    return found
