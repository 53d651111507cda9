# SPDX-License-Identifier: LGPL-3.0-or-later
"""The modules of one broker: asked, told, and taken back, all at once and each with a deadline.

How a module is asked depends on what it can: one that serves `NAME.config-prepare` answers for
itself; for one of flux-core's there is a judge here; of the others nobody can know before they are
told.  flux-core tells its modules one after the other and waits for ever (src/modules/config).
"""

import json
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any

from fluxcore.burst import ask_each, call_each
from fluxcore.handle import Failure, Flux
from participant.fluxcore import validators
from participant.fluxcore.flux_text import reasons_in
from participant.fluxcore.mute_modules import MuteModules, Paths
from participant.judging import Judgement
from protocol import limits
from protocol.configuration import Configuration
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason

_CONFIG, _BROKER = "config", "broker"
_NO_TXID = "none"
_LIST = ""
"""Stands for the list of modules among those whose answer is awaited."""
_ENOSYS, _ETIMEDOUT = 38, 110
_NO_SERVICE = "No service matching"
"""flux-core's words where the module is gone; else it is there, and has no such method."""
_NO_METHOD = Failure(_ENOSYS, "")


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


_OF_FLUX_CORE = (VoteKind.VALIDATOR, VoteKind.ACCEPTS)


class LocalModules:
    """Those that are loaded at the broker of `flux`."""

    def __init__(self, flux: Flux) -> None:
        self._flux = flux
        self.kinds: dict[str, VoteKind] = {}
        """By what means each was asked last."""
        self.hanging: set[str] = set()
        """Those that have not answered a config-reload, and may still do so."""
        self._listed: Paths = {}
        """What was loaded when it was looked at last."""
        self._mute = MuteModules()
        self._prepared: tuple[str, tuple[str, ...]] = ("", ())
        """The txid, and the modules that hold something staged for it."""

    # Asking

    def survey(self) -> None:
        """Find out by what means each is asked, before there is anything to ask.  Raises OSError.

        They are told that a transaction is over that never was: who prepares knows of that, too.
        """
        told = self._flux.call("module.list", None, self._flux.rank)
        self._listed = _paths(told)
        topics = {f"{name}.config-abort": name for name in self._listed}
        text = json.dumps({"txid": _NO_TXID})
        answers = call_each(self._flux, topics, text, limits.MODULE_SURVEY_SECONDS)
        self.kinds = {
            topics[topic]: _kind(topics[topic], _NO_METHOD if _is_late(answer) else answer)
            for topic, answer in answers.items() if not _is_gone(answer)
        }  # fmt: skip

    def prepare_to_judge(self, running: Configuration) -> None:
        """Have the validators read in that will be needed: it takes longer than they do."""
        validators.judge([name for name, kind in self.kinds.items()
                          if kind is VoteKind.VALIDATOR], running)  # fmt: skip

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
        said: dict[str, Judgement] = {}

        def asked(answers: dict[str, Any], missed: Failure | None) -> None:
            self._mute.learn(self._listed, [name for name, answer in answers.items()
                                            if _kind(name, answer) in _OF_FLUX_CORE])  # fmt: skip
            self._weigh(txid, candidate, dry_run, seconds, answers, said, missed, then)

        self._ask_all("config-prepare", text, seconds, asked, mute=True)
        said |= validators.judge(self._mute.names, candidate)  # while the others answer

    def _weigh(
        self,
        txid: str,
        candidate: Configuration,
        dry_run: bool,
        seconds: float,
        answers: dict[str, Any],
        said: dict[str, Judgement],
        missed: Failure | None,
        then: Callable[[Judgement], None],
    ) -> None:
        """`said`: what validators say already; `missed`: why not all modules are known."""
        self.kinds = {name: _kind(name, answer) for name, answer in answers.items()
                      if not _is_gone(answer)}  # fmt: skip
        by = {kind: [name for name, its in self.kinds.items() if its is kind] for kind in VoteKind}
        own, judged = by[VoteKind.PREPARES], by[VoteKind.VALIDATOR]
        judgements = {name: _own(name, answers[name], candidate, seconds) for name in own}
        judgements |= {name: said[name] for name in judged if name in said}
        judgements |= validators.judge([name for name in judged if name not in said], candidate)
        reasons = [reason for found in judgements.values() for reason in found.reasons]
        warnings = [warning for found in judgements.values() for warning in found.warnings]
        if missed is not None:
            reasons.append(_no_list(missed))
        staged = tuple(name for name in own if _may_hold(answers[name]))
        self._prepared = (txid, () if dry_run else staged)
        if reasons:
            self.release()
        then(Judgement(tuple(reasons), tuple(warnings)))

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

        def told(answers: dict[str, Any], missed: Failure | None) -> None:
            reasons = [
                Reason(name, line, code=_code(answer))
                for name, answer in answers.items()
                for line in _refusal(answer, seconds)
            ]
            if missed is not None:
                reasons.append(_no_list(missed))
            self.hanging = {name for name, answer in answers.items() if _is_late(answer)}
            if reasons:
                self._go_back(answers, old, lambda: then(tuple(reasons)))
            else:
                then(())

        self._ask_all("config-reload", text, seconds, told, first=_BROKER)

    def _go_back(
        self, answers: dict[str, Any], old: Configuration, then: Callable[[], None]
    ) -> None:
        """One that is late gets it, too: it will find both in its queue."""
        text = json.dumps(old.plain())
        for name in self.hanging:
            self._flux.ask(f"{name}.config-reload", text, self._awake(name), self._flux.rank)
        known = {name: answer for name, answer in answers.items() if isinstance(answer, Failure)}
        self._ask_all("config-reload", text, limits.MODULE_BACK_SECONDS, lambda *_: then(),
                      first=_BROKER, known=known)  # fmt: skip

    def _awake(self, name: str) -> Callable[[Any], None]:
        return lambda _: self.hanging.discard(name)

    def tell_broker(self, running: Configuration) -> None:
        """What modules that are loaded from now on are born with."""
        self._flux.ask(f"{_BROKER}.config-reload", running.plain(), _nothing, self._flux.rank)

    # All at once

    def list(self, then: Callable[[tuple[str, ...] | Failure], None]) -> None:
        """The names of all that are loaded, without `config`, or why they are not known."""

        def listed(found: Paths | Failure) -> None:
            then(found if isinstance(found, Failure) else tuple(sorted(found)))

        self._look(listed)

    def _look(self, then: Callable[[Paths | Failure], None]) -> None:
        def listed(answer: Any) -> None:
            if isinstance(answer, Failure):
                then(answer)
                return
            self._listed = _paths(answer)
            then(self._listed)

        seconds = limits.MODULE_BACK_SECONDS
        self._flux.ask("module.list", None, listed, self._flux.rank, seconds)

    def _ask_all(
        self,
        method: str,
        text: str,
        seconds: float,
        then: Callable[[dict[str, Any], Failure | None], None],
        first: str = "",
        known: Mapping[str, Any] | None = None,
        mute: bool = False,
    ) -> None:
        """Ask all that are loaded the same; `then` when all answers have come or are late.

        It is given them by name, and why not all modules are known, if so.  `first` is no module,
        and is asked before all: whoever is loaded after that is born with it, whoever was before
        is in the list.  Those listed last are asked while the list is made.  What is `known`
        already is not asked for, nor, with `mute`, what a module does not serve at all.
        """
        answers: dict[str, Any] = dict(known or {})
        waiting = {_LIST}
        missed: Failure | None = None

        def done(names: Iterable[str]) -> None:
            waiting.difference_update(names)
            if not waiting:
                then(dict(sorted(answers.items())), missed)

        def ask(names: Iterable[str]) -> None:
            topics: dict[str, str] = {}
            for name in names:
                if mute and name in self._mute.names:
                    answers.setdefault(name, _NO_METHOD)
                elif name not in answers and name not in waiting:
                    waiting.add(name)
                    topics[f"{name}.{method}"] = name

            def said(found: dict[str, Any]) -> None:
                answers.update({topics[topic]: answer for topic, answer in found.items()})
                done(topics.values())

            if topics:
                ask_each(self._flux, topics, text, said, seconds)

        def listed(found: Paths | Failure) -> None:
            nonlocal missed
            if isinstance(found, Failure):
                missed = found
            else:
                self._mute.look(found)
                for name in [name for name in answers if answers[name] is _NO_METHOD]:
                    if name not in found or name not in self._mute.names:
                        del answers[name]  # it was removed meanwhile, or is another one now
                ask(found)
            done((_LIST,))

        ask((first,) if first else ())
        self._look(listed)
        ask(self._listed)


def _paths(answer: Any) -> Paths:
    """What module.list tells of all but `config`, whose place we have taken."""
    paths = {module["name"]: module["path"] for module in answer["mods"]}
    return {name: path for name, path in paths.items() if name != _CONFIG}


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
