# SPDX-License-Identifier: LGPL-3.0-or-later
"""What `flux config status --check` finds, and that it finds nothing where nothing is."""

from typing import Any

from cli.commands.config.status import add_refused_undo
from cli.commands.config.status_check import problems_of

RIGHT: dict[str, Any] = {
    "generation": 7,
    "path": "/etc/flux",
    "files": {"differ": False},
    "modules": [{"name": "a", "state": "running", "generation": 7, "why": ""},
                {"name": "b", "state": "leaving", "generation": 2, "why": ""}],
}  # fmt: skip


def found(warnings: list[dict[str, Any]] | None = None, **changed: Any) -> list[tuple[str, str]]:
    problems = problems_of({**RIGHT, **changed}, warnings or [])
    return [(problem.code, problem.text) for problem in problems]


def member(**changed: Any) -> list[dict[str, Any]]:
    return [{"name": "a", "state": "running", "generation": 7, "why": "", **changed}]


def test_nothing() -> None:
    assert found([{"module": "m", "message": "a doubt"}]) == []
    assert found(path="", files=None) == []


def test_files() -> None:
    assert found(files={"differ": True}) == [
        ("files-differ", "files: /etc/flux differ from what runs")
    ]
    assert found(files={"error": "no answer"}) == [("files-unknown", "files: /etc/flux: no answer")]
    reason = {"module": "config", "message": "bad", "source": "/etc/flux/a.toml", "line": 2}
    assert found(files={"reasons": [reason]}) == [
        ("files-unreadable", "files: config: bad (/etc/flux/a.toml:2)")
    ]


def test_members() -> None:
    assert found(modules=member(generation=6)) == [
        ("member", "a is running, on generation 6, not 7")
    ]
    assert found(modules=member(state="failed", why="died 5 times")) == [
        ("member", "a is failed (died 5 times)")
    ]
    assert found(modules=member(state="restarting", generation=0)) == [
        ("member", "a is restarting, on generation 0, not 7")
    ]
    assert found(modules=member(state="refused"))[0][0] == "member"


def test_who_is_missed() -> None:
    assert found(missed=["svc"]) == [("missed", "svc is missed: it had a say before this start")]
    assert found(missed=[]) == []


def test_an_undo_that_is_refused_is_told() -> None:
    """Or whoever reads that it is undone in 9 s relies on what does not come."""
    no = {"module": "pump", "message": "too often"}
    pending: dict[str, Any] = {"generation": 7, "seconds": 9.0}
    other = {"verb": "set", "base": 7, "reasons": [{"module": "config", "message": "not now"}]}
    history = [other, {"verb": "undo", "base": 7, "reasons": [no]}]
    add_refused_undo(pending, {"history": [other, {"verb": "undo", "base": 6, "reasons": [no]}]})
    assert "refused" not in pending, "there is none, or of another generation"
    add_refused_undo(pending, {"error": "the disk does not answer"})
    assert found(unconfirmed=pending)[0][1].endswith("it is undone in 9s")
    add_refused_undo(pending, {"history": history})
    again, why = found(unconfirmed=pending)
    assert again[1].endswith("not confirmed: its undo was refused, and is tried again in 9s")
    assert why == ("unconfirmed", "its undo was refused: pump: too often")


def test_unconfirmed_and_starts() -> None:
    assert found(unconfirmed={"generation": 7, "seconds": 60.0}) == [
        ("unconfirmed", "generation 7 is not confirmed: it is undone in 1m")
    ]
    warning = {"module": "resource", "message": "would be refused at the next start: no host",
               "key": "resource.exclude"}  # fmt: skip
    assert found([warning]) == [
        ("next-start", "resource: resource.exclude: would be refused at the next start: no host")
    ]
    assert found(refused_start=[{"module": "m", "message": "no"}]) == [
        ("start-refused", "refused at this start: m: no")
    ]
    assert found(temporary=True)[0][0] == "temporary-ledger"
