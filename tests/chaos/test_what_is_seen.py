# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a user sees of a change: accepted, refused, unreadable, tried dry, hanging, interrupted."""

import re
import signal
import subprocess
import time
from typing import Any

from tests.chaos.broker import PLAIN, ChaosBroker
from tests.support.patience import AT_ONCE, FAR, PATIENCE, until

NAMES = ("a", "b", "c", "d")


def digests(broker: ChaosBroker) -> set[str]:
    """The digests that the four modules report."""
    return {broker.members()[name]["digest"] for name in NAMES}


def test_accepted(broker_of_four: ChaosBroker) -> None:
    before = broker_of_four.ask("get")
    serial = broker_of_four.write()
    done = broker_of_four.flux("config", "reload")
    assert (done.returncode, done.stderr) == (0, "")
    after = broker_of_four.ask("get")
    assert after["generation"] == before["generation"] + 1
    assert f"committed: generation {after['generation']}, 4 modules" in done.stdout
    assert digests(broker_of_four) == {after["digest"]}
    shown = broker_of_four.flux("config", "get", "voter.serial")
    assert (shown.returncode, shown.stdout) == (0, f"{serial}\n")
    assert broker_of_four.judge_at_rest() == []


def test_same_files_again(broker_of_four: ChaosBroker) -> None:
    broker_of_four.write()
    broker_of_four.commits()
    written, generation = len(broker_of_four.diary_of()), broker_of_four.generation
    done = broker_of_four.flux("config", "reload")
    assert done.returncode == 0
    assert done.stdout.startswith("unchanged")
    assert broker_of_four.generation == generation
    assert len(broker_of_four.diary_of()) == written, "no module was asked"


def test_two_of_four_reject(broker_of_four: ChaosBroker) -> None:
    before, digest = broker_of_four.generation, digests(broker_of_four)
    serial = broker_of_four.write(b="refuse", d="refuse")
    done = broker_of_four.flux("config", "reload")
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    place = re.escape(f"{broker_of_four.files}/voter.toml:2")
    for name in ("b", "d"):
        wanted = rf"flux-config: {name}: voter\.serial: {name} will not have {serial} \({place}:1\)"
        assert len([line for line in lines if re.fullmatch(wanted, line)]) == 1, done.stderr
    assert lines[-1] == f"flux-config: nothing changed; generation {before} stays in force"
    assert len(lines) == 3
    assert (broker_of_four.generation, digests(broker_of_four)) == (before, digest)
    refused = {record.digest for record in broker_of_four.diary_of() if record.what == "refused"}
    assert not [
        record
        for record in broker_of_four.diary_of()
        if record.what == "ran" and record.digest in refused
    ]
    assert broker_of_four.judge_at_rest() == []


def nothing_happens(broker: ChaosBroker, *expected: str) -> None:
    """A reload fails, says `expected`, and asks nobody."""
    before, written = broker.ask("get"), len(broker.diary_of())
    done = broker.flux("config", "reload")
    assert done.returncode == 1
    for text in expected:
        assert text in done.stderr, done.stderr
    assert broker.ask("get") == before
    assert len(broker.diary_of()) == written, "no module was asked"


def test_syntax_error(broker_of_four: ChaosBroker) -> None:
    broker_of_four.write_text("[voter]\nserial = = 1\n")
    nothing_happens(broker_of_four, f"{broker_of_four.files}/voter.toml:2:10")
    broker_of_four.write()


def test_unreadable_file(broker_of_four: ChaosBroker) -> None:
    (broker_of_four.files / "x.toml").symlink_to(broker_of_four.root / "nowhere")
    try:
        nothing_happens(broker_of_four, f"{broker_of_four.files}/x.toml", "No such file")
    finally:
        (broker_of_four.files / "x.toml").unlink()


def test_missing_directory(broker_of_four: ChaosBroker) -> None:
    aside = broker_of_four.root / "aside"
    broker_of_four.files.rename(aside)
    try:
        nothing_happens(broker_of_four, str(broker_of_four.files), "No such file or directory")
    finally:
        aside.rename(broker_of_four.files)


def test_dry_run(broker_of_four: ChaosBroker) -> None:
    before = broker_of_four.ask("get")
    broker_of_four.write()
    done = broker_of_four.flux("config", "reload", "--dry-run")
    assert done.returncode == 0
    assert done.stdout.startswith("valid: 4 modules would accept it")
    broker_of_four.write(c="refuse")
    done = broker_of_four.flux("config", "reload", "--dry-run")
    assert done.returncode == 1
    assert "flux-config: c: voter.serial: c will not have" in done.stderr
    assert broker_of_four.ask("get") == before

    def all_released() -> bool:
        diary = broker_of_four.diary_of()
        staged = {(record.module, record.digest) for record in diary if record.what == "accepted"}
        done_with = {
            (record.module, record.digest) for record in diary if record.what in ("ran", "released")
        }
        return staged <= done_with

    until(all_released, "nothing staged is left in any module")
    assert broker_of_four.judge_at_rest() == []


def begin_hanging_reload(broker: ChaosBroker) -> "subprocess.Popen[str]":
    """A client's reload over which the module b hangs."""
    broker.write(b="hang")
    client = broker.begin("config", "reload", "--timeout", FAR)
    broker.wait_for_record("b", "struck")
    return client


def assert_withdrawn(broker: ChaosBroker, before: dict[str, Any]) -> None:
    """Nothing has changed, and b, once it is started again, takes part in the next change."""
    until(lambda: "transaction" not in broker.ask("status"), "the change is withdrawn")
    assert broker.ask("get") == before
    broker.kill_module("b")
    broker.write()
    broker.commits()
    assert broker.judge_at_rest() == []


def test_hang_in_prepare(broker: ChaosBroker) -> None:
    broker.start(modules=("a", "b"))
    before = broker.ask("get")
    client = begin_hanging_reload(broker)
    until(lambda: broker.ask("status")["transaction"]["awaited"] == ["b"], "a's vote")
    for op in ("get", "status", "modules", "status"):
        asked = time.monotonic()
        answer = broker.ask(op)
        print(f"{op}: {time.monotonic() - asked:.3f} s")
        if op == "status":
            assert answer["transaction"]["awaited"] == ["b"], "nobody waited for the change"
    client.send_signal(signal.SIGINT)
    client.communicate(timeout=PATIENCE)
    broker.kill_module("b")
    broker.write(b="hang")
    began = time.monotonic()
    done = broker.flux("config", "reload", "--timeout", "1s")
    took = time.monotonic() - began
    print(f"answered after {took:.3f} s")
    assert done.returncode == 1
    assert "flux-config: b: did not answer within 1 s" in done.stderr
    assert took < 1.0 + AT_ONCE
    assert broker.ask("get") == before


def test_module_without_prepare(broker: ChaosBroker) -> None:
    broker.start(modules=("a",))
    broker.has_loaded("plain", path=PLAIN)
    broker.write()
    assert broker.commits()["asked"] == 2
    digest = broker.ask("get")["digest"]
    broker.wait_for_record("plain", "ran", digest)
    broker.write(a="refuse")
    broker.refuses()
    assert broker.judge_at_rest() == []


def test_broken_configuration_at_start(broker: ChaosBroker) -> None:
    broker.write(a="refuse", c="refuse")
    broker.launch(modules=("a", "b", "c"))
    assert broker.wait_dead() == 1
    told = broker.log_text()
    assert "flux-broker: a: voter.serial: a will not have" in told
    assert "flux-broker: c: voter.serial: c will not have" in told
    assert broker.rows() == []
    broker.write_text("x = \ny = 1\n", name="bad.toml")
    broker.launch()
    assert broker.wait_dead() == 1
    assert f"{broker.files}/bad.toml:1:5" in broker.log_text()


def test_ctrl_c_on_the_client(broker: ChaosBroker) -> None:
    broker.start(modules=("a", "b"))
    before = broker.ask("get")
    client = begin_hanging_reload(broker)
    client.send_signal(signal.SIGINT)
    _, err = client.communicate(timeout=PATIENCE)
    assert client.returncode == 130, err
    assert "Traceback" not in err
    assert_withdrawn(broker, before)


def test_client_goes_away(broker: ChaosBroker) -> None:
    broker.start(modules=("a", "b"))
    before = broker.ask("get")
    client = begin_hanging_reload(broker)
    client.kill()
    client.communicate(timeout=PATIENCE)
    assert_withdrawn(broker, before)
