# SPDX-License-Identifier: LGPL-3.0-or-later
"""One module as a Flux broker knows it: prepare, reload, abort; without anything of Flux's.

A broker of flux-core has no Admit and no Commit.  `config-prepare` asks, and what it built waits
for a `config-reload` with the same object, which is its commit, or for `config-abort`.  A
`config-reload` that nobody prepared, as of a Flux without an agent, is judged and applied at once.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from participant.contract import check_instance
from participant.module import Module, StagedSettings
from participant.unheard import run_verb
from protocol import limits
from protocol.configuration import EMPTY, Configuration, Unfit
from protocol.keys import format_key, parse_key
from protocol.messages import LOAD_ARGUMENT, Argument, Arguments
from protocol.reasons import Reason, Refusal, bounded


class Objection(Exception):
    """The answer is no; the text has one reason a line, and not the module's name."""

    def __init__(self, reasons: Iterable[str]) -> None:
        super().__init__("\n".join(reasons))


class Voter:
    """A module, what it runs, and what it has prepared."""

    def __init__(self, module: Module, name: str) -> None:
        """Serve `module`, which was loaded as `name`.

        Raises NotAModule (a TypeError) where it could agree to what it never looked at.
        """
        check_instance(module)
        module.read_environment(name)
        self.module = module
        self.name = name
        self._arguments: Arguments = ()
        self._prepared: tuple[str, StagedSettings] | None = None
        """Its transaction, and what it waits to take."""
        self._runs_it = False
        """Whether the last configuration that it was given was taken without a fault."""

    def start(self, tree: Any, arguments: Iterable[str]) -> None:
        """Run this first configuration, with KEY=VALUE arguments.  Raises Objection."""
        self._arguments = tuple(map(_argument, arguments))
        self._take(self._judge(_configuration(tree)))
        try:
            run_verb("run", self.module.run)
        except BaseException as error:
            raise Objection([self._mishap("run", error)]) from error

    def prepare(self, body: Any) -> list[str]:
        """What to warn of, a line each; it is prepared then.  Raises Objection.

        `body`: `txid`, `config` (the whole candidate), `dry-run` (nothing is kept).
        """
        txid, candidate, dry_run = _request(body)
        self._release()
        staged = self._judge(candidate)
        warnings = [self._line(warning) for warning in bounded(self.module.warnings)]
        self._prepared = txid, staged
        if dry_run:
            self._release()
        return warnings

    def reload(self, tree: Any) -> None:
        """Run this configuration: what was prepared, if it is that.  Raises Objection."""
        configuration = _configuration(tree)
        prepared, self._prepared = self._prepared, None
        if prepared is not None and prepared[1].configuration == configuration:
            self._take(prepared[1])
            return
        if prepared is not None:
            self._prepared = prepared
            self._release()
        if self._runs_it and configuration == self.module.configuration:
            return
        self._take(self._judge(configuration))

    def abort(self, body: Any) -> None:
        """The transaction `txid` is not coming.  Raises Objection where `abort` raises."""
        txid = body.get("txid") if isinstance(body, Mapping) else None
        if self._prepared is not None and txid in (None, self._prepared[0]):
            self._release()

    # The module

    def _judge(self, candidate: Configuration) -> StagedSettings:
        try:
            answer = self.module.judge(candidate, self._arguments)
        except BaseException as error:  # whatever an author's prepare raises is a no
            raise Objection([self._mishap("prepare", error)]) from error
        if isinstance(answer, Refusal):
            raise Objection(map(self._line, bounded(answer.reasons)))
        return answer

    def _take(self, staged: StagedSettings) -> None:
        self._runs_it = False
        try:
            self.module.take(staged)
        except BaseException as error:
            raise Objection([self._mishap("commit", error)]) from error
        self._runs_it = True

    def _release(self) -> None:
        prepared, self._prepared = self._prepared, None
        if prepared is None:
            return
        try:
            run_verb("abort", self.module.abort, prepared[1].built)
        except BaseException as error:
            raise Objection([self._mishap("abort", error)]) from error

    def _line(self, reason: Reason) -> str:
        return str(reason).removeprefix(f"{reason.module}: ")

    def _mishap(self, verb: str, error: BaseException) -> str:
        text = self.module.without_secrets(str(error))[: limits.REASON_BYTES]
        return self._line(Reason(self.name, f"{verb} raised {type(error).__name__}: {text}"))


def _request(body: Any) -> tuple[str, Configuration, bool]:
    if not isinstance(body, Mapping) or not isinstance(body.get("txid"), str):
        raise Objection(['config-prepare takes {"txid": TEXT, "config": OBJECT, "dry-run": BOOL}'])
    return body["txid"], _configuration(body.get("config")), bool(body.get("dry-run"))


def _configuration(tree: Any) -> Configuration:
    if tree == {}:
        return EMPTY
    try:
        return Configuration.of(tree)
    except Unfit as unfit:
        raise Objection([str(unfit)]) from None


def _argument(text: str) -> Argument:
    key, equals, value = text.partition("=")
    if not equals:
        raise Objection([f"{text}: an argument is KEY=VALUE"])
    try:
        return Argument(LOAD_ARGUMENT, format_key(parse_key(key)), value)
    except ValueError as error:
        raise Objection([f"{text}: {error}"]) from None
