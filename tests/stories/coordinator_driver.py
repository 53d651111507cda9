# SPDX-License-Identifier: LGPL-3.0-or-later
"""Lets a story drive the coordinator's machine, and writes its effects as a story's answer."""

import json
from typing import Any

from coordinator.core.decisions import Decision, Durable, Provisional, Receipt
from coordinator.core.edit import Edit
from coordinator.core.effects import (
    AnnounceReady,
    Answer,
    AnswerInquiry,
    Effect,
    FindUnread,
    GiveUp,
    Kill,
    ReadFiles,
    ReadGeneration,
    RecordAttached,
    RecordAttempt,
    RecordEdit,
    RecordFilesDigest,
    RecordKept,
    RecordNotApplied,
    RecordVoter,
    RecordWarnings,
    Send,
    StartProcess,
    Step,
    TellAdmit,
    TellCommit,
    Wake,
    Watch,
    WriteConfirmation,
    WriteLog,
)
from coordinator.core.events import (
    Asked,
    Begin,
    CandidateRead,
    ConfirmationWritten,
    Died,
    Event,
    Forced,
    HungUp,
    Inquired,
    NotForced,
    Received,
    Started,
    Stop,
    TimePassed,
    Unreachable,
    UnreadFound,
)
from coordinator.core.machine import Coordinator
from coordinator.core.requests import (
    ChangeRequest,
    ConfigureRequest,
    ConfirmRequest,
    Earlier,
    FromFiles,
    LoadRequest,
    ModuleReloadRequest,
    RemoveRequest,
    Replacement,
    Request,
    Spec,
)
from protocol.configuration import Configuration
from protocol.keys import format_key, parse_key
from protocol.messages import (
    Applied,
    Arguments,
    Inquire,
    Join,
    Leave,
    Prepare,
    Question,
    Report,
    Vote,
)
from protocol.reasons import Reason, Refusal


def options(words: list[str]) -> tuple[list[str], dict[str, str]]:
    """Words, and those of the form name=value."""
    plain = [word for word in words if "=" not in word or word.startswith("{")]
    named = [word.split("=", 1) for word in words if "=" in word and not word.startswith("{")]
    return plain, dict(named)


def configuration(text: str) -> Configuration:
    """A configuration written as JSON without blanks."""
    return Configuration.of(json.loads(text))


LEDGER = "here"
"""The identity of the ledger that the stories are about."""


class CoordinatorDriver:
    """One coordinator; participants' connections are called by the participants' names."""

    def __init__(self) -> None:
        self.machine = Coordinator(1, ledger=LEDGER)
        self.now = 0.0
        self.pending: Decision | None = None
        self.digests: dict[int, str] = {}
        self.pids: dict[str, int] = {}
        self.tickets: dict[str, int] = {}
        self.pids_by_ticket: dict[int, int] = {}
        self.shows_all = False

    def __call__(self, words: list[str]) -> str:
        """The answer to one command."""
        if words[0] == "at":
            self.now = float(words[1])
            words = words[2:]
        if words == ["show", "all"]:
            self.shows_all = True
            return ""
        if words[0] == "coordinator":
            return self._coordinator(*options(words[1:]))
        step = self.machine.step(self.now, self.event(words))
        return self._told(step)

    def _coordinator(self, words: list[str], named: dict[str, str]) -> str:
        epoch, generation = int(named.get("epoch", 1)), int(named.get("generation", 0))
        running, receipts = None, {}
        if generation:
            runs = configuration(named.get("runs", "{}"))
            txid = named.get("txid", f"{epoch - 1}.9")
            decision = Decision(
                generation, txid, epoch - 1, runs, named.get("files", runs.digest),
                tuple(filter(None, named.get("members", "").split(","))),
            )  # fmt: skip
            running = Durable(Receipt(txid, generation), decision)
            receipts = {txid: running.receipt}
            self.digests[generation] = runs.digest
        before = configuration(named["undoes-to"]) if "undoes-to" in named else None
        self.machine = Coordinator(
            epoch,
            running,
            receipts,
            ledger=LEDGER,
            undo_failures="undo-failures" in words or before is not None,
            provisional=Provisional(generation, before) if before is not None else None,
        )
        return f"epoch {epoch}, generation {generation}"

    # Commands

    def event(self, words: list[str]) -> Event:
        """What a command, but for its moment, tells the machine."""
        return self._event(*options(words))

    def _event(self, words: list[str], named: dict[str, str]) -> Event:
        match words:
            case ["begin", *modules]:
                files = configuration(named["files"]) if "files" in named else None
                loaded = tuple((key[1:], named[key]) for key in named if key[0] == "+")
                specs = tuple((name, Spec(name, loaded)) for name in modules)
                expected = tuple(filter(None, named.get("expected", "").split(",")))
                return Begin(specs, files, expected, "fallback" in named)
            case ["join", name]:
                return Received(self._peer(name, named), self._join(name, named))
            case ["vote", name, txid, "yes", *doubts]:
                said = tuple(Reason(name, doubt) for doubt in doubts)
                yes = self._vote(name, named, txid, True)._replace(warnings=said)
                return Received(self._peer(name, named), yes)
            case ["vote", name, txid, "no", *message]:
                why = Reason(name, message[0], parse_key(named["key"]) if "key" in named else ())
                return Received(self._peer(name, named), self._vote(name, named, txid, False, why))
            case ["applied", name, generation, *message]:
                return Received(
                    self._peer(name, named), self._applied(name, named, int(generation), message)
                )
            case ["leave", name]:
                return Received(name.encode(), Leave(1, self._incarnation(name, named), name))
            case ["files" | "configuration", txid, text]:
                return CandidateRead(txid, configuration(text))
            case ["unread", txid, *keys]:
                found = (Reason("config", "unknown key", parse_key(key)) for key in keys)
                return UnreadFound(txid, tuple(found))
            case ["unreadable", txid, message]:
                return CandidateRead(txid, Refusal((Reason("config", message),)))
            case ["ask", client, *request]:
                return Asked(int(client), self._request(request, named))
            case _:
                return self._other(words)

    def _other(self, words: list[str]) -> Event:
        match words:
            case ["forced"]:
                assert self.pending is not None
                decision, self.pending = self.pending, None
                self.digests[decision.generation] = decision.configuration.digest
                return Forced(Durable(Receipt(decision.txid, decision.generation), decision))
            case ["not-forced", why]:
                assert self.pending is not None
                return NotForced(self.pending.txid, why)
            case ["stats", client, name, seconds, *question]:
                asked = Question(" ".join(question)) if question else Question.STATS
                return Inquired(int(client), name, float(seconds), asked)
            case ["report", name, ticket, text]:
                return Received(
                    name.encode(), Report(self.machine.epoch, f"{name}-1", int(ticket), text)
                )
            case ["spawned", name, pid]:
                self.pids[name] = int(pid)
                self.pids_by_ticket[self.tickets[name]] = int(pid)
                return Started(name, self.tickets[name], int(pid))
            case ["died", name, how]:
                return Died(name, self.tickets[name], how)
            case ["unreachable", name]:
                return Unreachable(name.encode())
            case ["hang-up", client]:
                return HungUp(int(client))
            case ["confirmed", generation]:
                return ConfirmationWritten(int(generation))
            case ["woke"]:
                return TimePassed()
            case ["stop"]:
                return Stop()
        raise ValueError(f"no such command: {words}")

    def _request(self, words: list[str], named: dict[str, str]) -> Request:
        seconds = float(named.get("timeout", 10))
        match words:
            case ["reload", *rest]:
                return ChangeRequest(
                    FromFiles(),
                    "reload",
                    seconds=seconds,
                    dry_run="dry-run" in rest,
                    strict="strict" in rest,
                )
            case ["load", text, *rest]:
                candidate = Replacement(configuration(text))
                confirm = float(named["confirm"]) if "confirm" in named else None
                return ChangeRequest(candidate, "load", seconds=seconds, dry_run=bool(rest),
                                     confirm=confirm)  # fmt: skip
            case ["set", key, value]:
                expected = int(named["if"]) if "if" in named else None
                edit = Edit(parse_key(key), value, "integer")
                return ChangeRequest(edit, "set", seconds=seconds, if_generation=expected)
            case ["confirm"]:
                extend = float(named["extend"]) if "extend" in named else None
                return ConfirmRequest(seconds=seconds, extend=extend)
            case ["rollback"]:
                return ChangeRequest(Earlier(), "rollback", seconds=seconds)
            case ["module-load", name]:
                loaded = tuple((key[1:], named[key]) for key in named if key[0] == "+")
                return LoadRequest(name, Spec(name, loaded), seconds)
            case ["module-set", name, *unset]:
                dry_run, keys = "dry-run" in unset, [key for key in unset if key != "dry-run"]
                given = (*((key[1:], named[key]) for key in named if key[0] == "+"),
                         *((key, None) for key in keys))  # fmt: skip
                return ConfigureRequest(name, given, seconds=seconds, dry_run=dry_run)
            case ["module-reload", name, *rest]:
                replaced = tuple((key[1:], named[key]) for key in named if key[0] == "+")
                return ModuleReloadRequest(
                    name, seconds, arguments=replaced or None, cancel="cancel" in rest
                )
            case ["module-remove", name, *rest]:
                return RemoveRequest(name, seconds, "force" in rest, "cancel" in rest)
        raise ValueError(f"no such request: {words}")

    def _peer(self, name: str, named: dict[str, str]) -> bytes:
        return named.get("on", name).encode()

    def _incarnation(self, name: str, named: dict[str, str]) -> str:
        return named.get("life", f"{name}-1")

    def _join(self, name: str, named: dict[str, str]) -> Join:
        generation = int(named.get("generation", 0))
        pid = self.pids.setdefault(name, 100 + len(self.pids))
        ledger, incarnation = named.get("ledger", LEDGER), self._incarnation(name, named)
        return Join(ledger, int(named.get("epoch", 0)), incarnation, name, 1, generation,
                    self.digests.get(generation, ""), named.get("doubt"), pid, f"{incarnation}.1",
                    "{}")  # fmt: skip

    def _vote(self, name: str, named: dict[str, str], txid: str, yes: bool, *why: Reason) -> Vote:
        return Vote(self.machine.epoch, self._incarnation(name, named), txid, yes, why)

    def _applied(
        self, name: str, named: dict[str, str], generation: int, message: list[str]
    ) -> Applied:
        reasons = tuple(Reason(name, text) for text in message)
        digest = self.digests.get(generation, "")
        warnings = (Reason(name, named["warning"]),) if "warning" in named else ()
        return Applied(self.machine.epoch, self._incarnation(name, named), generation, digest,
                       not reasons, reasons, warnings=warnings)  # fmt: skip

    # Answers

    def _told(self, step: Step) -> str:
        lines = [line for effect in step.effects for line in self._lines(effect)]
        if step.force is not None:
            self.pending = step.force
            members = " ".join(step.force.members) or "nobody"
            lines.append(f"FORCE generation {step.force.generation} {step.force.txid}: {members}")
        return "\n".join(lines) if lines else "(nothing)"

    def _lines(self, effect: Effect) -> list[str]:
        """Tickets are numbers that say nothing to a reader: names and pids stand for them."""
        match effect:
            case StartProcess(name, _, ticket) | Watch(name, _, ticket):
                self.tickets[name] = ticket
            case WriteLog(event, fields) if self.shows_all:
                given = (f"{name}={_logged(value)}" for name, value in fields)
                return [" ".join(["log", event, *given])]
            case Answer(_, outcome) if self.shows_all:
                first, *more = _line(effect)
                asked = f"{outcome.asked} asked, {outcome.seconds:g} s"
                return [f"{first} ({asked}, content {outcome.digest[:6] or 'none'})", *more]
            case Kill(name, ticket):
                return [f"kill {name} {self.pids_by_ticket.get(ticket, 0)}"]
        return _line(effect)


def _logged(value: object) -> str:
    return f"'{value}'" if " " in str(value) else str(value)


def _names(peers: tuple[bytes, ...]) -> str:
    return " ".join(peer.decode() for peer in peers)


def _given(arguments: Arguments | None) -> str:
    return "".join(f" {one.key}={one.value} ({one.origin})" for one in arguments or ())


def _line(effect: Effect) -> list[str]:
    match effect:
        case WriteLog():
            return []
        case Send(peers, Prepare() as message):
            dry = " dry-run" if message.dry_run else ""
            allowed = f" allowed {message.allowed:g} s"
            return [(f"send Prepare {message.txid} base {message.base}{dry}{allowed}"
                    f"{_given(message.arguments)} -> {_names(peers)}")]  # fmt: skip
        case Send(peers, Inquire(ticket=ticket, question=question)):
            what = "" if question is Question.STATS else f" {question}"
            return [f"send Inquire {ticket}{what} -> {_names(peers)}"]
        case AnswerInquiry(client, text, why_not):
            return [f"told {client}: {text or why_not}"]
        case Send(peers, message):
            detail = getattr(message, "txid", None) or getattr(message, "why", "")
            return [f"send {type(message).__name__} {detail} -> {_names(peers)}"]
        case TellCommit(peers, receipt):
            return [(f"send Commit {receipt.txid} generation {receipt.generation} -> "
                    f"{_names(peers)}")]  # fmt: skip
        case TellAdmit(peer, _, durable, arguments):
            given = _given(arguments)
            return [f"send Admit generation {durable.generation}{given} -> {peer.decode()}"]
        case Answer(client, outcome):
            missed = (
                f", not applied by {' '.join(outcome.not_applied)}" if outcome.not_applied else ""
            )
            first = f"answer {client}: {outcome.result}, generation {outcome.generation}{missed}"
            confirm = f", unconfirmed for {outcome.confirm:g} s" if outcome.confirm else ""
            warnings = (f"    warning: {warning}" for warning in outcome.warnings)
            reasons = (f"    {reason}" for reason in outcome.reasons)
            return [first + confirm, *reasons, *warnings]
        case Wake(at):
            return [f"wake at {at:g}"]
    return [_other_line(effect)]


def _other_line(effect: Any) -> str:
    match effect:
        case ReadFiles(txid):
            return f"read files for {txid}"
        case FindUnread(txid):
            return f"look for keys of {txid} that nobody reads"
        case ReadGeneration(txid, generation):
            return f"read generation {generation} for {txid}"
        case StartProcess(name, spec):
            given = "".join(f" {key}={value}" for key, value in spec.arguments)
            return f"start process {name}{'' if spec.path == name else f' of {spec.path}'}{given}"
        case Watch(name, pid):
            return f"watch {name} {pid}"
        case RecordAttempt(attempt):
            return f"remember attempt {attempt.txid}"
        case RecordWarnings(generation, _, warnings):
            return f"remember {len(warnings)} warnings of generation {generation}"
        case RecordNotApplied(generation, names):
            return f"record generation {generation} as not applied by {' '.join(names)}"
        case RecordKept(generation):
            return f"record that generation {generation} stays"
        case WriteConfirmation(generation, extend):
            given = "" if extend is None else f", extended by {extend:g} s"
            return f"write confirmation of generation {generation}{given}"
        case ReadGeneration(txid, generation):
            return f"read generation {generation} for {txid}"
        case RecordFilesDigest(generation, _):
            return f"files are those of generation {generation}"
        case RecordAttached(name, present):
            return f"{name} is{'' if present else ' no longer'} an attached member"
        case RecordVoter(name, present):
            return f"{name} is{'' if present else ' no longer'} one that votes"
        case RecordEdit(keys=keys, who=who):
            return f"remember who changed {' '.join(map(format_key, keys))}: {who.origin}"
        case AnnounceReady(refused, warnings):
            told = [*(f"    refused: {reason}" for reason in refused),
                    *(f"    warning: {warning}" for warning in warnings)]  # fmt: skip
            return "\n".join(["ready", *told])
        case GiveUp(reasons):
            return "\n".join(["give up", *(f"    {reason}" for reason in reasons)])
    return type(effect).__name__.lower()
