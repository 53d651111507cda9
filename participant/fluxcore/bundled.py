# SPDX-License-Identifier: LGPL-3.0-or-later
"""The bundled modules as judges of what flux-core's modules of the same names would run."""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from participant.loader import Unloadable, load
from participant.module import Module
from participant.modules import BUNDLED
from protocol.configuration import Configuration
from protocol.reasons import Reason, Refusal


class Opinion(NamedTuple):
    """What the judges of some modules say of a candidate; no reasons: yes."""

    reasons: tuple[Reason, ...]
    warnings: tuple[Reason, ...]


def known(names: Iterable[str]) -> frozenset[str]:
    """Those of these modules that there is a judge for."""
    return frozenset(names) & BUNDLED.keys()


def judge(names: Iterable[str], candidate: Configuration) -> Opinion:
    """What the judges of these modules say; there is one for each of them."""
    reasons: list[Reason] = []
    warnings: list[Reason] = []
    for name in sorted(names):
        try:
            module = _module(name)
            answer = module.judge(candidate)
        except Exception as error:  # a judge that fails says nothing about the candidate
            warnings.append(Reason(name, f"its validator failed: {type(error).__name__}: {error}"))
            continue
        if isinstance(answer, Refusal):
            reasons.extend(answer.reasons)
        warnings.extend(module.warnings)
    return Opinion(tuple(reasons), tuple(warnings))


@cache
def _module(name: str) -> Module:
    """The judge, as one that runs already: what only a start would refuse is a warning.

    Raises Unloadable.
    """
    kind = load(BUNDLED_PATHS.get(name, name))
    if not issubclass(kind, Module):
        raise Unloadable(f"{name} is no module")
    module = kind()
    module.starting = False
    return module


BUNDLED_PATHS: dict[str, str] = {}
"""Module name → what `load` takes, where that is another."""
