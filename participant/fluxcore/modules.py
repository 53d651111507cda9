# SPDX-License-Identifier: LGPL-3.0-or-later
"""The modules of one broker: asked, told, and taken back, all at once and each with a deadline.

How a module is asked depends on what it can: one that serves `NAME.config-prepare` answers for
itself; for one of flux-core's there is a judge here; of the others nobody can know before they are
told.  flux-core tells its modules one after the other and waits for ever (src/modules/config).
"""

import json
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

from fluxcore.handle import Failure, Flux
from participant.fluxcore import validators
from participant.fluxcore.flux_text import reasons_in
from participant.judging import Judgement
from protocol import limits
from protocol.configuration import Configuration
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason

_CONFIG = "config"
_ENOSYS, _ETIMEDOUT = 38, 110
_NO_SERVICE = "No service matching"
"""flux-core's words where the module is gone; else it is there, and has no such method."""


class VoteKind(StrEnum):
    """By what means a module is asked."""

    PREPARES = "asked itself"
    """It serves config-prepare."""
    VALIDATOR = "bundled validator"
    """A bundled judge speaks for it."""
    ACCEPTS = "accepts anything"
    """A module of flux-core that does not read the configuration."""
    UNKNOWN = "cannot be asked"
    """Nobody can know before it is told."""


class LocalModules:
    """Those that are loaded at the broker of `flux`."""

    def __init__(self, flux: Flux) -> None:
        self._flux = flux
        self.kinds: dict[str, VoteKind] = {}
        """By what means each was asked last."""
        self.hanging: set[str] = set()
        """Those that have not answered a config-reload, and may still do so."""
        self._prepared: tuple[str, tuple[str, ...]] = ("", ())
        """The txid, and the modules that hold something staged for it."""

    # Asking

    def judge(
        self,
        txid: str,
        candidate: Configuration,
        dry_run: bool,
        seconds: float,
        then: Callable[[Judgement], None],
    ) -> None:
        """Ask all; `then` follows when all have answered or had `seconds`."""
        text = json.dumps({"txid": txid, "config": candidate.plain(), "dry-run": dry_run})

        def listed(names: tuple[str, ...] | Failure) -> None:
            if isinstance(names, Failure):
                then(Judgement((_no_list(names),), ()))
                return
            self._gather(names, "config-prepare", text, seconds, asked)

        def asked(answers: dict[str, Any]) -> None:
            self._weigh(txid, candidate, dry_run, seconds, answers, then)

        self.list(listed)

    def _weigh(
        self,
        txid: str,
        candidate: Configuration,
        dry_run: bool,
        seconds: float,
        answers: dict[str, Any],
        then: Callable[[Judgement], None],
    ) -> None:
        self.kinds = {name: _kind(name, answer) for name, answer in answers.items()
                      if not _is_gone(answer)}  # fmt: skip
        by = {kind: [name for name, its in self.kinds.items() if its is kind] for kind in VoteKind}
        own = by[VoteKind.PREPARES]
        judgements = {name: _own(name, answers[name], candidate, seconds) for name in own}
        judgements |= validators.judge(by[VoteKind.VALIDATOR], candidate)
        reasons = tuple(reason for said in judgements.values() for reason in said.reasons)
        warnings = tuple(warning for said in judgements.values() for warning in said.warnings)
        staged = tuple(name for name in own if _may_hold(answers[name]))
        self._prepared = (txid, () if dry_run else staged)
        if reasons:
            self.release()
        then(Judgement(reasons, warnings))

    def release(self) -> None:
        """Let those that have prepared drop what they built."""
        (txid, names), self._prepared = self._prepared, ("", ())
        for name in names:
            self._flux.ask(f"{name}.config-abort", {"txid": txid}, _nothing, self._flux.rank)

    # Telling

    def apply(
        self,
        new: Configuration,
        old: Configuration,
        then: Callable[[tuple[Reason, ...]], None],
    ) -> None:
        """Have all run `new`; where one does not, have all run `old` again.

        `then` gets why not, and follows when all have answered or are late.
        """
        self._prepared = ("", ())
        text = json.dumps(new.plain())
        seconds = limits.MODULE_COMMIT_SECONDS

        def listed(names: tuple[str, ...] | Failure) -> None:
            if isinstance(names, Failure):
                then((_no_list(names),))
            else:
                self._gather(names, "config-reload", text, seconds, told)

        def told(answers: dict[str, Any]) -> None:
            reasons = tuple(
                Reason(name, line, code=_code(answer))
                for name, answer in answers.items()
                for line in _refusal(answer, seconds)
            )
            self.hanging = {name for name, answer in answers.items() if _is_late(answer)}
            if reasons:
                self._go_back(answers, old, lambda: then(reasons))
            else:
                self._flux.ask("broker.config-reload", text, broker_told, self._flux.rank, seconds)

        def broker_told(answer: Any) -> None:
            refused = isinstance(answer, Failure) and answer.number != _ENOSYS
            then((Reason("broker", answer.text, code=_code(answer)),) if refused else ())

        self.list(listed)

    def _go_back(
        self, answers: dict[str, Any], old: Configuration, then: Callable[[], None]
    ) -> None:
        """One that is late gets it, too: it will find both in its queue."""
        text = json.dumps(old.plain())
        names = [
            name for name, answer in answers.items()
            if not isinstance(answer, Failure) or _is_late(answer)
        ]  # fmt: skip
        late = [name for name in names if _is_late(answers[name])]
        for name in late:
            self._flux.ask(f"{name}.config-reload", text, self._awake(name), self._flux.rank)
        soon = [name for name in names if name not in late]
        self._gather(soon, "config-reload", text, limits.MODULE_BACK_SECONDS, lambda _: then())

    def _awake(self, name: str) -> Callable[[Any], None]:
        return lambda _: self.hanging.discard(name)

    def tell_broker(self, running: Configuration) -> None:
        """What modules that are loaded from now on are born with."""
        self._flux.ask("broker.config-reload", running.plain(), _nothing, self._flux.rank)

    # All at once

    def list(self, then: Callable[[tuple[str, ...] | Failure], None]) -> None:
        """The names of all that are loaded, without `config`, or why they are not known."""

        def listed(answer: Any) -> None:
            if isinstance(answer, Failure):
                then(answer)
            else:
                names = {module["name"] for module in answer["mods"]} - {_CONFIG}
                then(tuple(sorted(names)))

        seconds = limits.MODULE_BACK_SECONDS
        self._flux.ask("module.list", None, listed, self._flux.rank, seconds)

    def _gather(
        self,
        names: Iterable[str],
        method: str,
        text: str,
        seconds: float,
        then: Callable[[dict[str, Any]], None],
    ) -> None:
        """Ask all these the same; `then(answers by name)` when all have come or are late."""
        waiting = set(names)
        answers: dict[str, Any] = dict.fromkeys(sorted(waiting))

        def answered(name: str, answer: Any) -> None:
            answers[name] = answer
            waiting.discard(name)
            if not waiting:
                then(answers)

        if not waiting:
            then(answers)
        for name in list(waiting):
            self._flux.ask(f"{name}.{method}", text, _for(name, answered), self._flux.rank, seconds)


def _for(name: str, then: Callable[[str, Any], None]) -> Callable[[Any], None]:
    return lambda answer: then(name, answer)


def _kind(name: str, answer: Any) -> VoteKind:
    if not isinstance(answer, Failure) or answer.number != _ENOSYS:
        return VoteKind.PREPARES
    if validators.validator_of(name) is not None:
        return VoteKind.VALIDATOR
    return VoteKind.UNKNOWN if validators.unjudged((name,)) else VoteKind.ACCEPTS


def _is_gone(answer: Any) -> bool:
    """Whether the module was removed meanwhile."""
    missing = isinstance(answer, Failure) and answer.number == _ENOSYS
    return missing and answer.text.startswith(_NO_SERVICE)


def _is_late(answer: Any) -> bool:
    return isinstance(answer, Failure) and answer.number == _ETIMEDOUT


def _may_hold(answer: Any) -> bool:
    """Whether it may have staged something: it said yes, or will say something later."""
    return not isinstance(answer, Failure) or _is_late(answer)


def _own(name: str, answer: Any, candidate: Configuration, seconds: float) -> Judgement:
    """What a module says for itself."""
    if not isinstance(answer, Failure):
        told = answer.get("warnings") if isinstance(answer, dict) else None
        text = "\n".join(map(str, told)) if isinstance(told, list) else ""
        return Judgement((), tuple(reasons_in(name, text, candidate)) if text else ())
    if _is_late(answer):
        return Judgement((Reason(name, _lines(answer, seconds)[0], code=_code(answer)),))
    return Judgement(tuple(reasons_in(name, answer.text, candidate)))


def _code(answer: Any) -> ReasonCode:
    return ReasonCode.TIMEOUT if _is_late(answer) else ReasonCode.INVALID


def _no_list(failure: Failure) -> Reason:
    """Why nobody knows which modules there are."""
    return Reason("broker", f"module list: {failure.text}", code=ReasonCode.FAULT)


def _lines(answer: Any, seconds: float) -> list[str]:
    """Why it refuses, one reason a line; none where it does not."""
    if not isinstance(answer, Failure):
        return []
    if _is_late(answer):
        return [f"did not answer within {seconds:.3g} s"]
    found = [line.strip() for line in answer.text.splitlines() if line.strip()]
    return found or [f"refused with error {answer.number}"]


def _refusal(answer: Any, seconds: float) -> list[str]:
    """The same of a config-reload: one that has no such method has nothing against it."""
    if isinstance(answer, Failure) and answer.number == _ENOSYS:
        return []
    return _lines(answer, seconds)


def _nothing(_: Any) -> None:
    """Nobody waits for that answer."""
