# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a user sees of a change: accepted, refused, unreadable, tried dry, hanging, interrupted."""

import re
import signal
import time

from tests.chaos.broker import PLAIN, ChaosBroker
from tests.support.patience import AT_ONCE, FAR, PATIENCE, until

NAMES = ("a", "b", "c", "d")


def digests(house: ChaosBroker) -> set[str]:
    """The digests that the four modules report."""
    return {house.members()[name]["digest"] for name in NAMES}


def test_accepted(four: ChaosBroker) -> None:
    before = four.ask("get")
    serial = four.write()
    done = four.flux("config", "reload")
    assert (done.returncode, done.stderr) == (0, "")
    after = four.ask("get")
    assert after["generation"] == before["generation"] + 1
    assert f"committed: generation {after['generation']}, 4 modules" in done.stdout
    assert digests(four) == {after["digest"]}
    shown = four.flux("config", "get", "voter.serial")
    assert (shown.returncode, shown.stdout) == (0, f"{serial}\n")
    assert four.judge_at_rest() == []


def test_same_files_again(four: ChaosBroker) -> None:
    four.write()
    four.commits()
    written, generation = len(four.diary_of()), four.generation
    done = four.flux("config", "reload")
    assert done.returncode == 0
    assert done.stdout.startswith("unchanged")
    assert four.generation == generation
    assert len(four.diary_of()) == written, "no module was asked"


def test_two_of_four_reject(four: ChaosBroker) -> None:
    before, digest = four.generation, digests(four)
    serial = four.write(b="refuse", d="refuse")
    done = four.flux("config", "reload")
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    place = re.escape(f"{four.files}/voter.toml:2")
    for name in ("b", "d"):
        wanted = rf"flux-config: {name}: voter\.serial: {name} will not have {serial} \({place}:1\)"
        assert len([line for line in lines if re.fullmatch(wanted, line)]) == 1, done.stderr
    assert lines[-1] == f"flux-config: nothing changed; generation {before} stays in force"
    assert len(lines) == 3
    assert (four.generation, digests(four)) == (before, digest)
    refused = {one.digest for one in four.diary_of() if one.what == "refused"}
    assert not [one for one in four.diary_of() if one.what == "ran" and one.digest in refused]
    assert four.judge_at_rest() == []


def nothing_happens(house: ChaosBroker, *expected: str) -> None:
    """A reload fails, says `expected`, and asks nobody."""
    before, written = house.ask("get"), len(house.diary_of())
    done = house.flux("config", "reload")
    assert done.returncode == 1
    for text in expected:
        assert text in done.stderr, done.stderr
    assert house.ask("get") == before
    assert len(house.diary_of()) == written, "no module was asked"


def test_syntax_error(four: ChaosBroker) -> None:
    four.write_text("[voter]\nserial = = 1\n")
    nothing_happens(four, f"{four.files}/voter.toml:2:10")
    four.write()


def test_unreadable_file(four: ChaosBroker) -> None:
    (four.files / "x.toml").symlink_to(four.root / "nowhere")
    try:
        nothing_happens(four, f"{four.files}/x.toml", "No such file")
    finally:
        (four.files / "x.toml").unlink()


def test_missing_directory(four: ChaosBroker) -> None:
    aside = four.root / "aside"
    four.files.rename(aside)
    try:
        nothing_happens(four, str(four.files), "No such file or directory")
    finally:
        aside.rename(four.files)


def test_dry_run(four: ChaosBroker) -> None:
    before = four.ask("get")
    four.write()
    done = four.flux("config", "reload", "--dry-run")
    assert done.returncode == 0
    assert done.stdout.startswith("valid: 4 modules would accept it")
    four.write(c="refuse")
    done = four.flux("config", "reload", "--dry-run")
    assert done.returncode == 1
    assert "flux-config: c: voter.serial: c will not have" in done.stderr
    assert four.ask("get") == before

    def all_released() -> bool:
        diary = four.diary_of()
        staged = {(one.module, one.digest) for one in diary if one.what == "accepted"}
        done_with = {(one.module, one.digest) for one in diary if one.what in ("ran", "released")}
        return staged <= done_with

    until(all_released, "nothing staged is left in any module")
    assert four.judge_at_rest() == []


def test_hang_in_prepare(house: ChaosBroker) -> None:
    house.start(modules=("a", "b"))
    before = house.ask("get")
    house.write(b="hang")
    client = house.begin("config", "reload", "--timeout", FAR)
    house.wait_for_record("b", "struck")
    until(lambda: house.ask("status")["transaction"]["awaited"] == ["b"], "a's vote")
    for op in ("get", "status", "modules", "status"):
        asked = time.monotonic()
        answer = house.ask(op)
        print(f"{op}: {time.monotonic() - asked:.3f} s")
        if op == "status":
            assert answer["transaction"]["awaited"] == ["b"], "nobody waited for the change"
    client.send_signal(signal.SIGINT)
    client.communicate(timeout=PATIENCE)
    house.kill_module("b")
    house.write(b="hang")
    began = time.monotonic()
    done = house.flux("config", "reload", "--timeout", "1s")
    took = time.monotonic() - began
    print(f"answered after {took:.3f} s")
    assert done.returncode == 1
    assert "flux-config: b: did not answer within 1 s" in done.stderr
    assert took < 1.0 + AT_ONCE
    assert house.ask("get") == before


def test_module_without_prepare(house: ChaosBroker) -> None:
    house.start(modules=("a",))
    house.has_loaded("plain", path=PLAIN)
    house.write()
    assert house.commits()["asked"] == 2
    digest = house.ask("get")["digest"]
    house.wait_for_record("plain", "ran", digest)
    house.write(a="refuse")
    house.refuses()
    assert house.judge_at_rest() == []


def test_broken_configuration_at_start(house: ChaosBroker) -> None:
    house.write(a="refuse", c="refuse")
    house.launch(modules=("a", "b", "c"))
    assert house.wait_dead() == 1
    told = house.log_text()
    assert "flux-broker: a: voter.serial: a will not have" in told
    assert "flux-broker: c: voter.serial: c will not have" in told
    assert house.rows() == []
    house.write_text("x = \ny = 1\n", name="bad.toml")
    house.launch()
    assert house.wait_dead() == 1
    assert f"{house.files}/bad.toml:1:5" in house.log_text()


def test_ctrl_c_on_the_client(house: ChaosBroker) -> None:
    house.start(modules=("a", "b"))
    before = house.ask("get")
    house.write(b="hang")
    client = house.begin("config", "reload", "--timeout", FAR)
    house.wait_for_record("b", "struck")
    client.send_signal(signal.SIGINT)
    _, err = client.communicate(timeout=PATIENCE)
    assert client.returncode == 130, err
    assert "Traceback" not in err
    until(lambda: "transaction" not in house.ask("status"), "the change is withdrawn")
    assert house.ask("get") == before
    house.kill_module("b")
    house.write()
    house.commits()
    assert house.judge_at_rest() == []


def test_client_goes_away(house: ChaosBroker) -> None:
    house.start(modules=("a", "b"))
    before = house.ask("get")
    house.write(b="hang")
    client = house.begin("config", "reload", "--timeout", FAR)
    house.wait_for_record("b", "struck")
    client.kill()
    client.communicate(timeout=PATIENCE)
    until(lambda: "transaction" not in house.ask("status"), "the change is withdrawn")
    assert house.ask("get") == before
    house.kill_module("b")
    house.write()
    house.commits()
    assert house.judge_at_rest() == []
