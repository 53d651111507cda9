# SPDX-License-Identifier: LGPL-3.0-or-later
"""The worlds that are explored."""

from typing import Any

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
)
from coordinator.core.requests import Spec as LoadSpec
from protocol.configuration import Configuration
from tests.exploration.spec import Spec
from tests.exploration.state import Budget

FILES = Configuration.of({"number": 0})
ONE, TWO = Configuration.of({"number": 1}), Configuration.of({"number": 2})

Asked = tuple[str, Request]

CHANGE: Asked = ("load 1", ChangeRequest(Replacement(ONE), "load"))
AGAIN: Asked = ("load 1 again", ChangeRequest(Replacement(ONE), "load"))
SECOND: Asked = ("load 2", ChangeRequest(Replacement(TWO), "load"))
DRY: Asked = ("dry run of 1", ChangeRequest(Replacement(ONE), "load", dry_run=True))
TRIAL: Asked = ("load 1, to be confirmed", ChangeRequest(Replacement(ONE), "load", confirm=30.0))
CONFIRM: Asked = ("confirm", ConfirmRequest())
EXTEND: Asked = ("extend", ConfirmRequest(extend=30.0))
RELOAD: Asked = ("reload", ChangeRequest(FromFiles(), "reload"))
BACK: Asked = ("rollback", ChangeRequest(Earlier(), "rollback"))
LOAD_B: Asked = ("module load b", LoadRequest("b", LoadSpec("b")))
REMOVE_A: Asked = ("module remove a", RemoveRequest("a"))
RELOAD_A: Asked = ("module reload a", ModuleReloadRequest("a"))
REMOVE_A_NOW: Asked = ("module remove --cancel a", RemoveRequest("a", cancel=True))
REMOVE_B_IF_THERE: Asked = ("module remove --force b", RemoveRequest("b", force=True))
RELOAD_A_NOW: Asked = ("module reload --cancel a", ModuleReloadRequest("a", cancel=True))
STRICT: Asked = ("load 1 --strict", ChangeRequest(Replacement(ONE), "load", strict=True))
CONFIGURE_A: Asked = ("module config a x=1", ConfigureRequest("a", (("x", "1"),)))


def _pairs(name: str, *configurations: Configuration) -> frozenset[tuple[str, str]]:
    return frozenset((name, configuration.digest) for configuration in configurations)


def world(name: str, requests: tuple[Asked, ...], **given: Any) -> Spec:
    """A world whose brokers are started with the same files."""
    return Spec(name, requests=requests, files=FILES, **given)


def undoing(name: str, requests: tuple[Asked, ...], **given: Any) -> Spec:
    """The same, of brokers that undo what a member cannot apply."""
    return world(name, requests, undo_failures=True, **given)


_SMALL = (
    world("one child", (CHANGE, DRY), children=("a",), budget=Budget(no=1, kill=1, crash=1)),
    world("two attached", (CHANGE,), attached=("a", "b"), budget=Budget(no=1, cut=1)),
    world("mixed, a crash", (CHANGE,), children=("a",), attached=("b",),
           budget=Budget(no=1, crash=1)),
    world("three, a no", (CHANGE,), attached=("a", "b", "c"), budget=Budget(no=1)),
    world("slow", (CHANGE, SECOND), attached=("a",), budget=Budget(slow=1)),
    world("slow, two", (CHANGE,), attached=("a", "b"), budget=Budget(slow=1, no=1)),
    world("a dry run", (DRY, CHANGE), attached=("a",), budget=Budget(no=1, cut=1)),
    world("a hang", (CHANGE,), children=("a",), budget=Budget(hang=1)),
    world("a hang, attached", (CHANGE, SECOND), attached=("a",), budget=Budget(hang=1)),
    world("a death", (CHANGE,), children=("a",), attached=("b",), budget=Budget(kill=1)),
    world("a join", (CHANGE,), attached=("a", "b"), budget=Budget(kill=1, join=1)),
    world("a leave", (CHANGE,), attached=("a", "b"), budget=Budget(leave=1, join=1)),
    world("cut in doubt", (CHANGE, SECOND), attached=("a",), budget=Budget(cut=2)),
    world("crash in doubt", (CHANGE,), attached=("a",), budget=Budget(crash=2)),
    world("stale words", (CHANGE,), attached=("a",), budget=Budget(crash=1, stale=1, cut=1)),
    world("disk full", (CHANGE,), attached=("a",), budget=Budget(full=1, crash=1)),
    world("fsync fails", (CHANGE,), attached=("a",), budget=Budget(fsync=1, crash=1)),
    world("taken over", (CHANGE, SECOND), attached=("a",), budget=Budget(takeover=1)),
    world("breaks, and catches up", (CHANGE, SECOND), attached=("a",),
           budget=Budget(crash=1, breaks=1)),
    world("ledger lost", (CHANGE,), attached=("a",), budget=Budget(crash=1, afresh=1)),
    world("ledger lost, stale words", (), attached=("a",), cold=True,
           budget=Budget(afresh=1, stale=1)),
    world("ledger restored", (CHANGE, SECOND), attached=("a",),
           budget=Budget(restore=1, crash=1), fallback=False),
    world("breaks, undone", (TRIAL,), children=("a",), mishaps={("a", ONE.digest): "break"}),
    world("breaks, undone, attached", (TRIAL,), attached=("a",),
           mishaps={("a", ONE.digest): "break"}),
    world("hangs, undone", (TRIAL,), attached=("a",), children=("b",),
           mishaps={("a", ONE.digest): "hang"}),
    world("trial and crash", (TRIAL, CONFIRM), attached=("a",), budget=Budget(crash=1)),
    world("trial and confirmation", (TRIAL, CONFIRM, EXTEND), attached=("a",)),
    world("trial and no", (TRIAL, CHANGE), attached=("a", "b"), budget=Budget(no=1)),
    world("rollback", (CHANGE, BACK), attached=("a", "b"), budget=Budget(no=1)),
    world("the same again", (CHANGE, AGAIN), attached=("a", "b"), budget=Budget(breaks=1)),
    world("module load", (LOAD_B, CHANGE), children=("a",), loadable=("b",),
           budget=Budget(no=1)),
    world("module remove", (REMOVE_A, CHANGE), children=("a",), attached=("b",)),
    world("module reload", (RELOAD_A, CHANGE), children=("a",), budget=Budget(kill=1)),
    world("module configure", (CONFIGURE_A, CHANGE), children=("a",), budget=Budget(no=1)),
    world("warnings", (CHANGE, DRY), attached=("a", "b"), warns=_pairs("a", ONE),
           budget=Budget(no=1)),
    world("cold start", (CHANGE,), children=("a",), attached=("b",), cold=True,
           budget=Budget(kill=1)),
    world("falls back", (CHANGE,), children=("a",), rejects_at_start=_pairs("a", ONE),
           budget=Budget(crash=1)),
    world("hangs up", (CHANGE, SECOND), attached=("a",), budget=Budget(hangup=1)),
    world("stop", (CHANGE,), children=("a",), attached=("b",), budget=Budget(stop=1)),
    world("concurrent", (CHANGE, SECOND), attached=("a",), concurrent=("a",),
           budget=Budget(no=1, cut=1)),
    world("late verdict", (CHANGE, SECOND), attached=("a",), concurrent=("a",),
           budget=Budget(hang=1, cut=1)),
    world("strict", (STRICT, CHANGE), attached=("a", "b"), warns=_pairs("a", ONE)),
    world("strict, and a no", (STRICT,), attached=("a",), budget=Budget(no=1, slow=1)),
    world("strict, and a crash", (SECOND, STRICT), attached=("a",), budget=Budget(crash=1)),
    world("module remove at once", (REMOVE_A_NOW, CHANGE), children=("a",), attached=("b",),
           budget=Budget(hang=1)),
    world("module remove at once, attached", (REMOVE_A_NOW, CHANGE), attached=("a", "b"),
           budget=Budget(hang=1)),
    world("module remove, if there", (LOAD_B, REMOVE_B_IF_THERE, CHANGE), children=("a",),
           loadable=("b",)),
    world("module reload at once", (RELOAD_A_NOW, CHANGE), children=("a",),
           budget=Budget(hang=1)),
    undoing("fails, taken back", (CHANGE, SECOND), children=("a",), budget=Budget(breaks=1)),
    undoing("fails, taken back, attached", (CHANGE, SECOND), attached=("a",),
             budget=Budget(breaks=1)),
    undoing("fails, taken back by two", (CHANGE,), attached=("a", "b"),
             mishaps={("a", ONE.digest): "break"}, budget=Budget(no=1)),
    undoing("fails, and a crash", (CHANGE,), attached=("a",), budget=Budget(breaks=1, crash=1)),
    undoing("fails, and a crash, child", (CHANGE,), children=("a",),
             budget=Budget(breaks=1, crash=1)),
    undoing("fails, crashes, fails", (CHANGE,), attached=("a",),
             mishaps={("a", ONE.digest): "break"}, budget=Budget(crash=1)),
    undoing("fails, and the disk", (CHANGE,), attached=("a",), budget=Budget(breaks=1, full=1)),
    undoing("fails, and a stop", (CHANGE,), attached=("a",), budget=Budget(breaks=1, stop=1)),
    undoing("late, taken back", (CHANGE,), attached=("a", "b"), budget=Budget(slow=1)),
    undoing("fails, and nobody waits", (CHANGE, SECOND), attached=("a",),
             budget=Budget(breaks=1, hangup=1)),
    undoing("fails in a trial", (TRIAL, CONFIRM), attached=("a",), budget=Budget(breaks=1)),
    undoing("dies in commit", (CHANGE, SECOND), children=("a",), budget=Budget(die=1)),
)  # fmt: skip

_LARGE = (
    undoing("fails, everything", (CHANGE, SECOND), children=("a",), attached=("b",),
             budget=Budget(breaks=1, crash=1, no=1)),
    undoing("fails, slow", (CHANGE, BACK), attached=("a", "b"), alike=("a", "b"),
             budget=Budget(breaks=1, slow=1, cut=1)),
    undoing("fails twice", (CHANGE, TRIAL), children=("a",), attached=("b",),
             budget=Budget(breaks=2, crash=1)),
    world("at once, everything", (REMOVE_A_NOW, RELOAD_A_NOW, CHANGE), children=("a",),
           attached=("b",), budget=Budget(hang=1, slow=1, kill=1)),
    world("late verdicts", (CHANGE, SECOND), attached=("a", "b"), concurrent=("a", "b"),
           alike=("a", "b"), budget=Budget(hang=1, cut=1, crash=1)),
    world("two children, faults", (CHANGE, SECOND), children=("a", "b"), alike=("a", "b"),
           budget=Budget(no=1, kill=1, slow=1)),
    world("two attached, faults", (CHANGE, SECOND), attached=("a", "b"), alike=("a", "b"),
           budget=Budget(no=1, cut=1, slow=1, crash=1)),
    world("three attached, faults", (CHANGE,), attached=("a", "b", "c"), alike=("a", "b", "c"),
           budget=Budget(no=1, cut=1, crash=1)),
    world("three mixed", (CHANGE,), children=("a",), attached=("b", "c"), alike=("b", "c"),
           budget=Budget(no=1, kill=1, crash=1)),
    world("trial, everything", (TRIAL, CONFIRM, CHANGE), children=("a",), attached=("b",),
           budget=Budget(breaks=1, crash=1, slow=1)),
    world("trial and hang", (TRIAL, BACK), children=("a",), attached=("b",),
           budget=Budget(hang=1, kill=1, no=1, slow=1)),
    world("trial, extended", (TRIAL, EXTEND, BACK), attached=("a", "b"), alike=("a", "b"),
           budget=Budget(breaks=1, full=1, cut=1, slow=1)),
    world("rollback, everything", (CHANGE, BACK, SECOND), children=("a",), attached=("b",),
           budget=Budget(no=1, die=1, hang=1, slow=1)),
    world("module load, everything", (LOAD_B, CHANGE, REMOVE_A), children=("a",),
           budget=Budget(no=1, kill=1, slow=1, hangup=1)),
    world("module reload, everything", (RELOAD_A, CHANGE, CONFIGURE_A), children=("a",),
           attached=("b",), budget=Budget(no=1, kill=1, slow=1, hang=1)),
    world("module remove, everything", (REMOVE_A, TRIAL, RELOAD_A), children=("a",),
           attached=("b",), budget=Budget(breaks=1, kill=1, slow=1)),
    world("module configure, everything", (CONFIGURE_A, RELOAD_A, CHANGE), children=("a",),
           budget=Budget(no=1, hang=1, die=1, slow=1, hangup=1)),
    world("reload of files", (CHANGE, RELOAD), attached=("a", "b"), alike=("a", "b"),
           budget=Budget(no=1, crash=1, cut=1)),
    world("disks", (CHANGE, TRIAL, CONFIRM), attached=("a",), children=("b",),
           budget=Budget(full=1, fsync=1, slow=1)),
    world("taken over, everything", (CHANGE, SECOND), attached=("a", "b"), alike=("a", "b"),
           budget=Budget(takeover=1, cut=1, slow=1)),
    world("ledgers", (CHANGE, SECOND), attached=("a", "b"), alike=("a", "b"), fallback=False,
           budget=Budget(restore=1, crash=1)),
    world("ledgers lost", (CHANGE, SECOND), attached=("a", "b"), alike=("a", "b"),
           budget=Budget(afresh=1, crash=1, cut=1)),
    world("stop, everything", (CHANGE, LOAD_B, RELOAD_A), children=("a",), attached=("c",),
           budget=Budget(stop=1, hang=1, slow=1)),
    world("cold, everything", (CHANGE,), children=("a", "b"), attached=("c",), cold=True,
           budget=Budget(kill=1, crash=1, no=1)),
    world("cold, late", (CHANGE,), children=("a",), attached=("b",), cold=True,
           budget=Budget(slow=2, crash=1, no=1)),
    world("joins and leaves", (CHANGE, SECOND), attached=("a", "b", "c"),
           alike=("a", "b", "c"), budget=Budget(leave=1, join=2, kill=1)),
    world("concurrent, everything", (CHANGE, SECOND), attached=("a", "b"),
           concurrent=("a", "b"), alike=("a", "b"), budget=Budget(no=1, cut=1, slow=1)),
    world("hangs up, everything", (CHANGE, BACK, LOAD_B), attached=("a",), children=("c",),
           budget=Budget(hangup=1, hang=1, no=1, slow=1)),
    world("slow twice", (TRIAL, CHANGE), children=("a",), attached=("b",),
           budget=Budget(slow=2, breaks=1, no=1)),
)  # fmt: skip

SMALL: dict[str, Spec] = {spec.name: spec for spec in _SMALL}
LARGE: dict[str, Spec] = {spec.name: spec for spec in _LARGE}
WORLDS: dict[str, Spec] = {**SMALL, **LARGE}
