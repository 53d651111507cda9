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


def test_told_to_stop_while_undecided(broker: ChaosBroker) -> None:
    broker.start(modules=("a", "b"))
    base = broker.generation
    broker.write(b="hang")
    client = broker.begin("config", "reload", "--timeout", FAR)
    broker.wait_for_record("b", "struck")
    began = time.monotonic()
    assert broker.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < STOP_SECONDS
    _, err = client.communicate(timeout=PATIENCE)
    assert client.returncode == 1
    assert "the broker is stopping" in err
    assert f"nothing changed; generation {base} stays in force" in err
    assert broker.rows()[-1].generation == base


def test_told_to_stop_while_decided(broker: ChaosBroker) -> None:
    broker.start("--limit", f"SHUTDOWN_SECONDS={PATIENCE}", modules=("a", "b"))
    base = broker.generation
    broker.write(b="slow")
    client = broker.begin("config", "reload", "--timeout", FAR)
    broker.wait_for_record("a", "ran", digest_of_files(broker))
    began = time.monotonic()
    assert broker.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < AT_ONCE, "it ends when all have applied, not at a deadline"
    out, _ = client.communicate(timeout=PATIENCE)
    assert client.returncode == 0
    assert f"committed: generation {base + 1}" in out
    broker.start(modules=("a", "b"))
    assert broker.generation == base + 1
    assert broker.judge_at_rest() == []


def test_told_to_stop_while_a_commit_hangs(broker: ChaosBroker) -> None:
    broker.start(modules=("a", "b"))
    base = broker.generation
    broker.write(b="hang@commit")
    client = broker.begin("config", "reload")
    broker.wait_for_record("b", "struck")
    began = time.monotonic()
    broker.end(signal.SIGTERM)
    assert time.monotonic() - began < 2 * STOP_SECONDS, "to finish, and to say goodbye"
    client.communicate(timeout=PATIENCE)
    assert client.returncode == 3
    broker.start(modules=("a", "b"))
    assert broker.generation == base + 1
    assert broker.judge_at_rest() == []


def test_disk_full(broker: ChaosBroker) -> None:
    """A file-size limit stops the ledger from growing, as a full disk does."""
    broker.start(modules=("a",))
    broker.end()
    limit = max(file.stat().st_size for file in broker.statedir.iterdir()) + 100_000
    broker.log = Path("/dev/null")  # this one has a test of its own
    broker.start("--file-size", str(limit), modules=("a",))
    with broker.attached("y"):
        outcome: dict[str, Any] = {}
        base = serial = 0
        for _ in range(20):
            base = broker.generation
            serial = broker.write()
            text = (broker.files / "voter.toml").read_text()
            broker.write_text(f'ballast = "{"x" * 30_000}"\n{text}')
            outcome = broker.reload()
            if outcome["result"] != "committed":
                break
        expect(outcome, "refused")
        (reason,) = outcome["reasons"]
        assert "the decision could not be written to the ledger" in reason["message"]
        assert broker.generation == base
        assert broker.flux("config", "get", "voter.serial").stdout != f"{serial}\n"
        broker.wait_for_record("y", "released", digest_of_files(broker))
        assert broker.judge_at_rest() == []
    broker.end()
    broker.start(modules=("a",))
    assert broker.generation == base + 1, "there is room now, and the files are a proposal"


def test_disk_full_where_nobody_waits(broker: ChaosBroker) -> None:
    """The WAL has room, the database proper has none: decisions go on, and the log says so."""
    broker.start(modules=("a",))
    broker.end()
    limit = max(file.stat().st_size for file in broker.statedir.iterdir()) + 900_000
    broker.start("--file-size", str(limit), modules=("a",))
    for _ in range(60):
        broker.write()
        text = (broker.files / "voter.toml").read_text()
        broker.write_text(f'ballast = "{"x" * 30_000}"\n{text}')
        if broker.reload()["result"] != "committed" or "not tidied" in broker.log_text():
            break
    assert "ledger not tidied; nothing is lost" in broker.log_text()
    generation = broker.generation
    broker.write()
    broker.commits()
    broker.end(signal.SIGKILL)
    broker.start(modules=("a",))
    assert broker.generation == generation + 1
    assert broker.judge_at_rest() == []


def test_nowhere_to_log(broker: ChaosBroker) -> None:
    """A log that cannot be written is no reason to stop."""
    broker.log = Path("/dev/full")
    broker.start(modules=("a",))
    broker.write()
    broker.commits()
    for deed in ("refuse", "raise@prepare"):
        broker.write(a=deed)
        broker.refuses()
    assert broker.members()["a"]["restarts"] == 0, "nor is it for a module"
    assert broker.judge_at_rest() == []
    assert broker.end() == 0


@pytest.mark.parametrize("files", [0o600, 0o400], ids=["the directory", "all of it"])
def test_state_directory_read_only(broker: ChaosBroker, files: int) -> None:
    broker.start()
    broker.end()
    broker.before = ["powerless"]
    for file in broker.statedir.iterdir():
        file.chmod(files)
    broker.statedir.chmod(0o500)
    try:
        broker.launch()
        assert broker.wait_dead() == 1
    finally:
        broker.statedir.chmod(0o700)
        for file in broker.statedir.iterdir():
            file.chmod(0o600)
    assert "Traceback" not in broker.log_text()
    assert str(broker.statedir) in broker.log_text()
    broker.start()
    assert broker.generation == 1


def test_two_brokers_on_one_ledger(broker: ChaosBroker) -> None:
    broker.start()
    first, broker.process = broker.process, None
    broker.launch()
    assert broker.wait_dead() == 1
    assert "another broker uses the state directory" in broker.log_text()
    broker.process = first
    expect(broker.reload(), "unchanged")


def test_garbage_in_place_of_the_ledger(broker: ChaosBroker) -> None:
    broker.start()
    broker.end()
    for file in broker.statedir.glob("ledger*"):
        file.unlink()
    (broker.statedir / "ledger.sqlite").write_bytes(bytes(range(256)) * 64)
    broker.launch()
    assert broker.wait_dead() == 1
    assert "Restore it from a backup, or move it away" in broker.log_text()
    assert "Traceback" not in broker.log_text()
    (broker.statedir / "ledger.sqlite").rename(broker.root / "moved-away")
    broker.start()
    assert broker.generation == 1


def test_clock_set_back(broker: ChaosBroker) -> None:
    broker.start(modules=("a",))
    for back in (0.0, YEAR):
        if back:
            broker.end()
            broker.start("--clock-back", str(back), modules=("a",))
        base = broker.generation
        broker.write()
        assert broker.commits()["generation"] == base + 1
    assert broker.judge_at_rest() == []


def test_an_older_ledger_commands_nobody(broker: ChaosBroker) -> None:
    """P7: a restored backup has a lower epoch, and who has obeyed a higher one is not moved."""
    broker.start()
    backup = broker.root / "backup"
    broker.end()
    shutil.copytree(broker.statedir, backup)
    broker.start()
    broker.end()
    broker.start()
    with broker.attached("y") as (guest,):
        broker.write()
        broker.commits()
        generation, digest = guest.generation, guest.digest
        broker.end(signal.SIGKILL)
        later = broker.root / "later"
        broker.statedir.rename(later)
        backup.rename(broker.statedir)
        broker.write()
        broker.start()
        assert "the ledger is an older copy of the one it knows" in until(lambda: guest.refusal)
        assert (guest.generation, guest.digest) == (generation, digest)
        broker.end()
        shutil.rmtree(broker.statedir)
        later.rename(broker.statedir)


def sizes(file: Path) -> Iterator[int]:
    """Every length that is a multiple of 512 and complete than the file."""
    yield from range(0, file.stat().st_size, 512)


@pytest.mark.parametrize("name", ["ledger.sqlite", "ledger.sqlite-wal"])
def test_ledger_cut_off(broker: ChaosBroker, name: str) -> None:
    """A ledger that has lost any part of what it held is refused; one that has not is not."""
    broker.start()
    for _ in range(5):
        broker.write()
        broker.commits()
    broker.end(signal.SIGKILL if name.endswith("-wal") else signal.SIGTERM)
    whole = broker.rows()
    refused, complete = 0, 0
    for size in sizes(broker.statedir / name):
        copy = broker.root / "copy"
        shutil.copytree(broker.statedir, copy)
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


def test_many_changes_survive_a_kill(broker: ChaosBroker) -> None:
    """P6, plainly: what a client was told is there after a SIGKILL at any later time."""
    broker.start()
    tally = Tally("plain")
    for _ in range(5):
        broker.write()
        Asking(broker, tally, "reload").wait()
    broker.end(signal.SIGKILL)
    assert broker.judge(*tally.answers) == []
    broker.start()
    assert broker.generation == tally.answers[-1].outcome["generation"]
