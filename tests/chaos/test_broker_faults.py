# SPDX-License-Identifier: LGPL-3.0-or-later
"""What may happen to a broker: told to stop at a bad moment, a full disk, a ledger gone bad."""

import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coordinator.ledger.errors import LedgerError
from coordinator.ledger.sqlite import SqliteLedger
from protocol import limits
from tests.chaos import ledger_rows
from tests.chaos.broker import ChaosBroker
from tests.chaos.campaign import Asking, Tally, digest_of_files
from tests.support.outcome import expect
from tests.support.patience import AT_ONCE, FAR, PATIENCE, until

STOP_SECONDS = limits.SHUTDOWN_SECONDS + AT_ONCE
"""The first is promised; the rest is for a busy machine, and less than any other deadline here."""
YEAR = 365 * 86400.0


def test_told_to_stop_while_undecided(house: ChaosBroker) -> None:
    house.start(modules=("a", "b"))
    base = house.generation
    house.write(b="hang")
    client = house.begin("config", "reload", "--timeout", FAR)
    house.wait_for_record("b", "struck")
    began = time.monotonic()
    assert house.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < STOP_SECONDS
    _, err = client.communicate(timeout=PATIENCE)
    assert client.returncode == 1
    assert "the broker is stopping" in err
    assert f"nothing changed; generation {base} stays in force" in err
    assert house.rows()[-1].generation == base


def test_told_to_stop_while_decided(house: ChaosBroker) -> None:
    house.start("--limit", f"SHUTDOWN_SECONDS={PATIENCE}", modules=("a", "b"))
    base = house.generation
    house.write(b="slow")
    client = house.begin("config", "reload", "--timeout", FAR)
    house.wait_for_record("a", "ran", digest_of_files(house))
    began = time.monotonic()
    assert house.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < AT_ONCE, "it ends when all have applied, not at a deadline"
    out, _ = client.communicate(timeout=PATIENCE)
    assert client.returncode == 0
    assert f"committed: generation {base + 1}" in out
    house.start(modules=("a", "b"))
    assert house.generation == base + 1
    assert house.judge_at_rest() == []


def test_told_to_stop_while_a_commit_hangs(house: ChaosBroker) -> None:
    house.start(modules=("a", "b"))
    base = house.generation
    house.write(b="hang@commit")
    client = house.begin("config", "reload")
    house.wait_for_record("b", "struck")
    began = time.monotonic()
    house.end(signal.SIGTERM)
    assert time.monotonic() - began < 2 * STOP_SECONDS, "to finish, and to say goodbye"
    client.communicate(timeout=PATIENCE)
    assert client.returncode == 3
    house.start(modules=("a", "b"))
    assert house.generation == base + 1
    assert house.judge_at_rest() == []


def test_disk_full(house: ChaosBroker) -> None:
    """A file-size limit stops the ledger from growing, as a full disk does."""
    house.start(modules=("a",))
    house.end()
    limit = max(file.stat().st_size for file in house.statedir.iterdir()) + 100_000
    house.log = Path("/dev/null")  # this one has a test of its own
    house.start("--file-size", str(limit), modules=("a",))
    with house.attached("y"):
        outcome: dict[str, Any] = {}
        base = serial = 0
        for _ in range(20):
            base = house.generation
            serial = house.write()
            text = (house.files / "voter.toml").read_text()
            house.write_text(f'ballast = "{"x" * 30_000}"\n{text}')
            outcome = house.reload()
            if outcome["result"] != "committed":
                break
        expect(outcome, "refused")
        (reason,) = outcome["reasons"]
        assert "the decision could not be written to the ledger" in reason["message"]
        assert house.generation == base
        assert house.flux("config", "get", "voter.serial").stdout != f"{serial}\n"
        house.wait_for_record("y", "released", digest_of_files(house))
        assert house.judge_at_rest() == []
    house.end()
    house.start(modules=("a",))
    assert house.generation == base + 1, "there is room now, and the files are a proposal"


def test_disk_full_where_nobody_waits(house: ChaosBroker) -> None:
    """The WAL has room, the database proper has none: decisions go on, and the log says so."""
    house.start(modules=("a",))
    house.end()
    limit = max(file.stat().st_size for file in house.statedir.iterdir()) + 900_000
    house.start("--file-size", str(limit), modules=("a",))
    for _ in range(60):
        house.write()
        text = (house.files / "voter.toml").read_text()
        house.write_text(f'ballast = "{"x" * 30_000}"\n{text}')
        if house.reload()["result"] != "committed" or "not tidied" in house.log_text():
            break
    assert "ledger not tidied; nothing is lost" in house.log_text()
    generation = house.generation
    house.write()
    house.commits()
    house.end(signal.SIGKILL)
    house.start(modules=("a",))
    assert house.generation == generation + 1
    assert house.judge_at_rest() == []


def test_nowhere_to_log(house: ChaosBroker) -> None:
    """A log that cannot be written is no reason to stop."""
    house.log = Path("/dev/full")
    house.start(modules=("a",))
    house.write()
    house.commits()
    for deed in ("refuse", "raise@prepare"):
        house.write(a=deed)
        house.refuses()
    assert house.members()["a"]["restarts"] == 0, "nor is it for a module"
    assert house.judge_at_rest() == []
    assert house.end() == 0


@pytest.mark.parametrize("files", [0o600, 0o400], ids=["the directory", "all of it"])
def test_state_directory_read_only(house: ChaosBroker, files: int) -> None:
    house.start()
    house.end()
    house.before = ["powerless"]
    for file in house.statedir.iterdir():
        file.chmod(files)
    house.statedir.chmod(0o500)
    try:
        house.launch()
        assert house.wait_dead() == 1
    finally:
        house.statedir.chmod(0o700)
        for file in house.statedir.iterdir():
            file.chmod(0o600)
    assert "Traceback" not in house.log_text()
    assert str(house.statedir) in house.log_text()
    house.start()
    assert house.generation == 1


def test_two_brokers_on_one_ledger(house: ChaosBroker) -> None:
    house.start()
    first, house.broker = house.broker, None
    house.launch()
    assert house.wait_dead() == 1
    assert "another broker uses the state directory" in house.log_text()
    house.broker = first
    expect(house.reload(), "unchanged")


def test_garbage_in_place_of_the_ledger(house: ChaosBroker) -> None:
    house.start()
    house.end()
    for file in house.statedir.glob("ledger*"):
        file.unlink()
    (house.statedir / "ledger.sqlite").write_bytes(bytes(range(256)) * 64)
    house.launch()
    assert house.wait_dead() == 1
    assert "Restore it from a backup, or move it away" in house.log_text()
    assert "Traceback" not in house.log_text()
    (house.statedir / "ledger.sqlite").rename(house.root / "moved-away")
    house.start()
    assert house.generation == 1


def test_clock_set_back(house: ChaosBroker) -> None:
    house.start(modules=("a",))
    for back in (0.0, YEAR):
        if back:
            house.end()
            house.start("--clock-back", str(back), modules=("a",))
        base = house.generation
        house.write()
        assert house.commits()["generation"] == base + 1
    assert house.judge_at_rest() == []


def test_an_older_ledger_commands_nobody(house: ChaosBroker) -> None:
    """P7: a restored backup has a lower epoch, and who has obeyed a higher one is not moved."""
    house.start()
    backup = house.root / "backup"
    house.end()
    shutil.copytree(house.statedir, backup)
    house.start()
    house.end()
    house.start()
    with house.attached("y") as (guest,):
        house.write()
        house.commits()
        generation, digest = guest.generation, guest.digest
        house.end(signal.SIGKILL)
        later = house.root / "later"
        house.statedir.rename(later)
        backup.rename(house.statedir)
        house.write()
        house.start()
        assert "the ledger is an older copy of the one it knows" in until(lambda: guest.refusal)
        assert (guest.generation, guest.digest) == (generation, digest)
        house.end()
        shutil.rmtree(house.statedir)
        later.rename(house.statedir)


def sizes(file: Path) -> Iterator[int]:
    """Every length that is a multiple of 512 and complete than the file."""
    yield from range(0, file.stat().st_size, 512)


@pytest.mark.parametrize("name", ["ledger.sqlite", "ledger.sqlite-wal"])
def test_ledger_cut_off(house: ChaosBroker, name: str) -> None:
    """A ledger that has lost any part of what it held is refused; one that has not is not."""
    house.start()
    for _ in range(5):
        house.write()
        house.commits()
    house.end(signal.SIGKILL if name.endswith("-wal") else signal.SIGTERM)
    whole = house.rows()
    refused, complete = 0, 0
    for size in sizes(house.statedir / name):
        copy = house.root / "copy"
        shutil.copytree(house.statedir, copy)
        with (copy / name).open("r+b") as file:
            file.truncate(size)
        try:
            ledger = SqliteLedger.open(str(copy))
        except LedgerError as error:
            refused += "Restore it from a backup, or move it away" in str(error)
        else:
            complete += 1
            ledger.close()
            rows = ledger_rows.read(copy)
            assert rows == whole, f"{size} bytes are taken for the whole"
        shutil.rmtree(copy)
    print(f"{name}: refused {refused} times, whole all the same {complete} times")
    assert refused > 20


def test_many_changes_survive_a_kill(house: ChaosBroker) -> None:
    """P6, plainly: what a client was told is there after a SIGKILL at any later time."""
    house.start()
    tally = Tally("plain")
    for _ in range(5):
        house.write()
        Asking(house, tally, "reload").wait()
    house.end(signal.SIGKILL)
    assert house.judge(*tally.answers) == []
    house.start()
    assert house.generation == tally.answers[-1].outcome["generation"]
