# SPDX-License-Identifier: LGPL-3.0-or-later
"""The ledger on a real disk: what it keeps, what it refuses, and what it says when it cannot."""

import hashlib
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from coordinator.core.decisions import Attempt, Decision
from coordinator.core.operations.undo_reason import not_applied
from coordinator.core.requests import Who
from coordinator.ledger.errors import Fenced, LedgerError, NotWritten
from coordinator.ledger.sqlite import SCHEMA_VERSION, SqliteLedger
from coordinator.ledger.sqlite_storage import FILE
from protocol import limits
from protocol.configuration import Configuration
from protocol.reasons import Reason


def decision(generation: int, epoch: int = 1, **content: int) -> Decision:
    return Decision(generation, f"{epoch}.{generation}", epoch, Configuration.of(content), None,
                    ("a", "b"), "reload", Who(1, 2, "flux config reload"), "why")  # fmt: skip


def test_an_epoch_is_never_used_twice(tmp_path: Path) -> None:
    epochs = []
    for _ in range(3):
        ledger = SqliteLedger.open(str(tmp_path))
        epochs.append(ledger.epoch)
        ledger.close()
    assert epochs == [1, 2, 3]


def test_a_ledger_has_one_identity_for_ever_and_a_life_of_its_own_each_time(tmp_path: Path) -> None:
    found = set()
    for name in ("this", "this", "this", "that"):
        (tmp_path / name).mkdir(exist_ok=True)
        ledger = SqliteLedger.open(str(tmp_path / name))
        found.add((name, ledger.identity))
        found.add(("life", ledger.life))
        ledger.close()
    assert len([identity for name, identity in found if name == "this"]) == 1
    assert len({identity for name, identity in found if name != "life"}) == 2
    assert len([life for name, life in found if name == "life"]) == 4


def test_what_was_forced_is_there_afterwards(tmp_path: Path) -> None:
    ledger = SqliteLedger.open(str(tmp_path), clock=lambda: 1234.5)
    assert ledger.last() is None
    first, second = decision(1, x=1), decision(2, x=2)
    assert ledger.force(first).decision == first
    ledger.force(second)
    ledger.close()
    again = SqliteLedger.open(str(tmp_path))
    last = again.last()
    assert last is not None
    assert last.decision == second
    assert last.committed_at_wall == 1234.5
    assert [receipt.generation for receipt in again.receipts().values()] == [1, 2]
    kept = again.generation(1)
    assert kept is not None
    assert kept.decision == first
    again.close()


def test_a_tidy_ledger_does_not_grow_and_loses_nothing(tmp_path: Path) -> None:
    sizes = {}
    for tidied in (True, False):
        folder = tmp_path / str(tidied)
        folder.mkdir()
        ledger = SqliteLedger.open(str(folder))
        for number in range(1, 201):
            ledger.force(decision(number, x=number))
            if tidied and ledger.wants_maintenance:
                ledger.maintain()
        sizes[tidied] = (folder / f"{FILE}-wal").stat().st_size
        crashed = tmp_path / f"{tidied}-crashed"
        shutil.copytree(folder, crashed)  # as a crash leaves it: nothing is closed
        again = SqliteLedger.open(str(crashed))
        last = again.last()
        assert last is not None
        assert last.decision == decision(200, x=200)
        assert len(again.receipts()) == 200
        again.close()
        ledger.close()
    assert sizes[True] < sizes[False] / 2


def test_a_decision_writes_little_but_itself(tmp_path: Path) -> None:
    """Somebody waits while it is written: tables that have nothing to forget are left alone."""
    ledger = SqliteLedger.open(str(tmp_path))
    log = tmp_path / f"{FILE}-wal"
    before = log.stat().st_size
    for number in range(1, 101):
        ledger.force(decision(number, x=number))
    pages = (log.stat().st_size - before) / 4096 / 100
    assert pages < 4, f"{pages:.1f} pages a decision"
    ledger.close()


def test_generations_are_neither_skipped_nor_reused(tmp_path: Path) -> None:
    ledger = SqliteLedger.open(str(tmp_path))
    ledger.force(decision(1))
    for number in (1, 3):
        with pytest.raises(NotWritten, match="does not follow"):
            ledger.force(decision(number, x=number))
    ledger.force(decision(2))
    ledger.close()


def test_one_state_directory_has_one_broker(tmp_path: Path) -> None:
    ledger = SqliteLedger.open(str(tmp_path))
    with pytest.raises(LedgerError, match="another broker"):
        SqliteLedger.open(str(tmp_path))
    ledger.close()
    SqliteLedger.open(str(tmp_path)).close()


def test_a_later_coordinator_fences_the_one_before(tmp_path: Path) -> None:
    """The lock keeps two apart; where it does not (its file was deleted), the epoch does."""
    old = SqliteLedger.open(str(tmp_path))
    old.force(decision(1, x=1))
    old.force(decision(2, x=2)._replace(confirm=60.0))
    (tmp_path / "lock").unlink()
    new = SqliteLedger.open(str(tmp_path))
    with pytest.raises(Fenced, match="epoch 2"):
        old.force(decision(3, x=3))
    with pytest.raises(Fenced):
        old.confirm(2)
    with pytest.raises(Fenced):
        old.record_files(1, "digest of files")
    with pytest.raises(Fenced):
        old.record_attached("svc", present=True)
    with pytest.raises(Fenced):
        old.record_attempt(Attempt("1.9", 1, "d", "load", Who(), ""))
    assert new.attached() == ()
    assert new.unconfirmed() is not None
    assert new.force(decision(3, epoch=2, x=3)).generation == 3
    old.close()
    new.close()


def test_a_version_of_the_ledger_means_these_tables(tmp_path: Path) -> None:
    """Who changes them gives them a new number (and knows how to take on the old one)."""
    SqliteLedger.open(str(tmp_path)).close()
    connection = sqlite3.connect(tmp_path / FILE)
    tables = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
    shown = " ".join(" ".join(text.split()) for (text,) in tables)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    assert (version, hashlib.sha256(shown.encode()).hexdigest()[:16]) == (1, "533aaf2b7067250f")


def test_a_ledger_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    SqliteLedger.open(str(tmp_path)).close()
    connection = sqlite3.connect(tmp_path / FILE)
    assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert SCHEMA_VERSION > 0, "SQLite's own number for a file that nobody has numbered"
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(LedgerError, match="Start the newer version"):
        SqliteLedger.open(str(tmp_path))


def test_a_ledger_that_lost_its_end_says_what_to_do(tmp_path: Path) -> None:
    ledger = SqliteLedger.open(str(tmp_path))
    backup = (tmp_path / FILE).read_bytes()
    ledger.force(decision(1, x=1))
    ledger.close()
    (tmp_path / FILE).write_bytes(backup)
    with pytest.raises(LedgerError, match="remove the file `reached`"):
        SqliteLedger.open(str(tmp_path))
    (tmp_path / "reached").unlink()
    SqliteLedger.open(str(tmp_path)).close()


def test_garbage_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(LedgerError, match="move it away"):
        SqliteLedger.open(str(tmp_path))


def test_a_changed_configuration_is_noticed(tmp_path: Path) -> None:
    ledger = SqliteLedger.open(str(tmp_path))
    ledger.force(decision(1, x=1))
    ledger.close()
    connection = sqlite3.connect(tmp_path / FILE)
    other = Configuration.of({"x": 2}).encoded
    connection.execute("UPDATE decisions SET configuration = ?", (other,))
    connection.commit()
    connection.close()
    with pytest.raises(LedgerError, match="digest"):
        SqliteLedger.open(str(tmp_path))


def test_a_missing_generation_is_noticed(tmp_path: Path) -> None:
    ledger = SqliteLedger.open(str(tmp_path))
    for number in (1, 2, 3):
        ledger.force(decision(number, x=number))
    ledger.close()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("DELETE FROM decisions WHERE generation = 2")
    connection.commit()
    connection.close()
    with pytest.raises(LedgerError, match="missing"):
        SqliteLedger.open(str(tmp_path))


@pytest.mark.parametrize("generation", [1, 3, 9])
def test_an_undo_that_has_nothing_to_go_back_to_is_noticed(tmp_path: Path, generation: int) -> None:
    ledger = SqliteLedger.open(str(tmp_path))
    for number in (1, 2):
        ledger.force(decision(number, x=number))
    ledger.close()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("INSERT INTO unconfirmed VALUES (?, 0.0)", (generation,))
    connection.commit()
    connection.close()
    with pytest.raises(LedgerError, match=f"generation {generation} is unconfirmed"):
        SqliteLedger.open(str(tmp_path))


def test_history_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HISTORY", 3)
    ledger = SqliteLedger.open(str(tmp_path))
    for number in range(1, 8):
        ledger.force(decision(number, x=number))
        ledger.record_attempt(
            Attempt(f"1.{number}", number, "d", "load", Who(), "", (Reason("a", "no"),))
        )
    assert ledger.generation(4) is None
    assert ledger.generation(5) is not None
    shown = ledger.history().history(10)
    attempts = [entry for entry in shown if entry["result"] == "refused"]
    assert [attempt["txid"] for attempt in attempts] == ["1.7", "1.6", "1.5"]
    assert attempts[0]["reasons"] == [{"module": "a", "code": "invalid", "message": "no"}]
    ledger.close()


def test_warnings_are_kept_as_long_as_their_generation(tmp_path: Path) -> None:
    ledger = SqliteLedger.open(str(tmp_path), history=2)
    for number in range(1, 5):
        ledger.force(decision(number, x=number))
        if number != 4:
            ledger.record_warnings(number, (Reason("a", f"doubt {number}"),))
    ledger.record_warnings(4, (Reason("a", "doubt", ("x",)), Reason("b", "doubt")))
    shown = ledger.history().history(10)
    assert [entry["generation"] for entry in shown] == [4, 3]
    assert shown[0]["warnings"] == [
        {"module": "a", "code": "invalid", "message": "doubt", "key": "x"},
        {"module": "b", "code": "invalid", "message": "doubt"},
    ]
    assert shown[1]["warnings"] == [{"module": "a", "code": "invalid", "message": "doubt 3"}]
    ledger.force(decision(5, x=5))
    assert "warnings" not in ledger.history().entry(5)
    ledger.close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        assert connection.execute("SELECT count(*) FROM warnings").fetchone() == (2,)


def test_more_time_to_confirm_lasts_and_is_never_more_than_was_granted(tmp_path: Path) -> None:
    wall = [1000.0]
    ledger = SqliteLedger.open(str(tmp_path), clock=lambda: wall[0])
    ledger.force(decision(1))
    ledger.force(decision(2)._replace(confirm=30.0))
    wall[0] = 1020.0
    ledger.extend(2, 60.0)
    ledger.close()
    for moment, left in ((1050.0, 30.0), (900.0, 60.0), (1100.0, 0.0)):
        wall[0] = moment
        again = SqliteLedger.open(str(tmp_path), clock=lambda: wall[0])
        found = again.unconfirmed()
        assert found is not None
        assert (found[0], found[2]) == (2, left)
        again.close()
    last = SqliteLedger.open(str(tmp_path), clock=lambda: wall[0])
    last.force(decision(3, last.epoch)._replace(confirm=5.0))
    found = last.unconfirmed()
    assert found is not None
    assert (found[0], found[2]) == (3, 5.0), "what was granted to another is not this one's"
    last.close()


def test_who_had_not_applied_a_generation_is_in_the_history(tmp_path: Path) -> None:
    ledger = SqliteLedger.open(str(tmp_path), history=2)
    for number in (1, 2):
        ledger.force(decision(number))
    ledger.record_not_applied(1, ("b",))
    newest, oldest = ledger.history().history(10)
    assert newest["result"] == "committed"
    assert "not_applied" not in newest
    assert (oldest["result"], oldest["not_applied"]) == ("partial", ["b"])
    assert ledger.history().entry(1) == oldest
    for number in (3, 4):
        ledger.force(decision(number))
    assert [entry["result"] for entry in ledger.history().history(10)] == ["committed"] * 2
    ledger.close()


def test_members_and_files_are_known_again(tmp_path: Path) -> None:
    ledger = SqliteLedger.open(str(tmp_path))
    ledger.force(decision(1, x=1))
    ledger.record_files(1, "digest of files")
    ledger.record_attached("svc", present=True)
    ledger.record_attached("old", present=True)
    ledger.record_attached("old", present=False)
    ledger.close()
    again = SqliteLedger.open(str(tmp_path))
    assert again.attached() == ("svc",)
    last = again.last()
    assert last is not None
    assert last.decision.files == "digest of files"
    again.close()


def test_who_votes_on_what_follows_is_known_after_the_last_generation(tmp_path: Path) -> None:
    """Members of the last decision, with those that have come since, less those that have gone."""
    ledger = SqliteLedger.open(str(tmp_path))
    assert ledger.voters() == ()
    ledger.force(decision(1, x=1))
    ledger.record_voter("c", present=True)
    ledger.record_voter("d", present=True)
    ledger.record_voter("d", present=False)
    ledger.record_voter("a", present=False)
    ledger.record_attached("svc", present=True)
    ledger.close()
    again = SqliteLedger.open(str(tmp_path))
    assert again.voters() == ("b", "c", "svc")
    again.record_attached("svc", present=False)
    assert again.voters() == ("b", "c")
    again.force(decision(2, epoch=2, x=2))  # what came since has voted on it, or has none
    assert again.voters() == ("a", "b")
    again.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_state_directory_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(LedgerError, match="cannot write"):
        SqliteLedger.open(str(tmp_path))


def test_what_is_provisional_is_so_until_it_is_kept_or_something_follows(tmp_path: Path) -> None:
    def reopened() -> SqliteLedger:
        ledger.close()
        return SqliteLedger.open(str(tmp_path))

    ledger = SqliteLedger.open(str(tmp_path))
    ledger.force(decision(1, x=1))
    ledger.force(decision(2, x=2)._replace(provisional=True))
    ledger = reopened()
    found = ledger.provisional()
    assert found is not None
    assert (found.generation, found.before) == (2, Configuration.of({"x": 1}))
    ledger.record_kept(2)
    ledger = reopened()
    assert ledger.provisional() is None
    ledger.force(decision(3, ledger.epoch, x=3)._replace(provisional=True))
    ledger.force(decision(4, ledger.epoch, x=4))
    assert ledger.provisional() is None
    ledger.close()


def test_pictures_outlive_the_ledger_and_are_as_many_as_entries(tmp_path: Path) -> None:
    ledger = SqliteLedger.open(str(tmp_path), history=3)
    for number in range(1, 4):
        ledger.force(decision(number, x=number))
    ledger.record_attempt(Attempt("1.9", 3, "", "set", Who(), "", (Reason("a", "no"),)))
    for number in range(1, 11):
        ledger.record_timelines([{"txid": f"1.{number}", "moments": {}}])
    ledger.close()
    past = SqliteLedger.open(str(tmp_path)).history()
    assert len(past.timelines([f"1.{number}" for number in range(20)])) == 6
    assert past.timelines(["1.10", "nobody"]) == {"1.10": {"txid": "1.10", "moments": {}}}
    assert past.timelines([]) == {}
    assert (past.find("1.2") or {})["generation"] == 2
    assert (past.find("1.9") or {})["result"] == "refused"
    assert past.find("nobody") is None


def test_what_the_next_generation_took_back_is_known(tmp_path: Path) -> None:
    ledger = SqliteLedger.open(str(tmp_path))
    ledger.force(decision(1, x=1))
    ledger.force(decision(2, x=2)._replace(confirm=9.0))
    ledger.force(decision(3, x=1)._replace(verb="undo"))
    failed = not_applied(4, "rank 2: kvs: no space left")
    ledger.force(decision(4, x=4)._replace(provisional=True))
    ledger.force(decision(5, x=1)._replace(verb="undo", message=failed))
    assert ledger.history().undone([1, 2, 3, 4]) == {
        2: "nobody confirmed it",
        4: "rank 2: kvs: no space left",
    }
    assert ledger.history().undone([]) == {}
