# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config` at a real broker: what scripts and administrators type, and what they see."""

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.broker import RunningBroker
from tests.support.guest import flux, needs_root
from tests.support.patience import until

TEXT = """\
[access]
allow-guest-user = true

[heartbeat]
period = "2s"

[tbon]
torpid_max = "30s"

[sample]
s = "text"
i = 7
r = 1.5
b = false
o = { x = 1 }
l = [1, 2]
d = "1.5m"
e = "forever"
"""


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    """One without modules, for all tests that do not end it."""
    found = RunningBroker(TEXT).start()
    yield found
    found.close()


@pytest.fixture
def house(broker: RunningBroker) -> RunningBroker:
    """The broker, running what its files say, which are as they were at first."""
    broker.write_text(TEXT)
    broker.good("reload")
    return broker


# get


def test_get_prints_the_whole_as_compact_json(house: RunningBroker) -> None:
    shown = house.good("get")
    assert json.loads(shown)["sample"]["o"] == {"x": 1}
    assert '"o":{"x":1}' in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["sample.s"], "text"),
        (["sample.i"], "7"),
        (["sample.r"], "1.5"),
        (["sample.b"], "false"),
        (["sample.o"], '{"x":1}'),
        (["sample.l"], "[1,2]"),
        (["sample.l[1]"], "2"),
        (["-t", "string", "sample.s"], "text"),
        (["--type=integer", "sample.i"], "7"),
        (["--type=INTEGER", "sample.i"], "7"),
        (["-t", "real", "sample.r"], "1.5"),
        (["-t", "boolean", "sample.b"], "false"),
        (["-t", "object", "sample.o"], '{"x":1}'),
        (["-t", "array", "sample.l"], "[1,2]"),
        (["-t", "any", "sample.l"], "[1,2]"),
        (["-t", "fsd", "sample.d"], "1.5m"),
        (["-t", "fsd-integer", "sample.d"], "90"),
        (["-t", "fsd-real", "sample.d"], "90.000000"),
        (["-d", "x y", "sample.nope"], "x y"),
        (["--default=", "sample.nope"], ""),
        (["--quiet", "--default=z", "sample.nope"], "z"),
        (["--default=z", "sample.i"], "7"),
    ],
)
def test_get_prints_values_as_flux_does(
    house: RunningBroker, arguments: list[str], shown: str
) -> None:
    assert house.good("get", *arguments) == f"{shown}\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["sample.nope"], "flux-config: sample.nope is not set\n"),
        (["sample.s.deeper"], "flux-config: sample.s.deeper is not set\n"),
        (["-q", "sample.nope"], ""),
        (["-t", "integer", "sample.s"], "does not have the requested type"),
        (["-t", "integer", "sample.r"], "does not have the requested type"),
        (["-t", "integer", "sample.b"], "does not have the requested type"),
        (["-t", "real", "sample.i"], "does not have the requested type"),
        (["-t", "fsd", "sample.e"], "sample.e does not have the requested type"),
        (["-t", "fsd", "sample.i"], "does not have the requested type"),
        (["-t", "string"], "flux-config: value does not have the requested type\n"),
        (["-t", "wrong", "sample.i"], "flux-config: Unknown type: wrong\n"),
        (["sample..i"], "is not a dotted key"),
        ([""], "the key is empty"),
    ],
)
def test_get_fails_as_flux_does(house: RunningBroker, arguments: list[str], complaint: str) -> None:
    done = house.config("get", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert complaint in done.stderr
    assert bool(done.stderr) == bool(complaint)


def test_get_reads_files_without_a_broker(house: RunningBroker) -> None:
    alone = {**house.environment, "FLUX_URI": "local:///nowhere"}
    path = str(house.files)
    assert house.good("get", "-c", path, "sample.i", env=alone) == "7\n"
    one = house.root / "one.json"
    one.write_text('{"a":{"b":"c"}}')
    assert house.good("get", f"--config-path={one}", "a.b", env=alone) == "c\n"
    assert house.good("get", "-c", str(one), "-d", "z", "a.nope", env=alone) == "z\n"
    assert "a.nope is not set" in house.refused("get", "-c", str(one), "a.nope", env=alone)
    for name in ("system", "security", "imp"):
        assert f"/flux/{name}/conf.d" in house.refused("get", "-c", name, env=alone)
    (house.root / "bad.toml").write_text("a = 1\nb = \n")
    bad = house.refused("get", "-c", str(house.root / "bad.toml"), env=alone)
    assert "bad.toml:2:5" in bad


def test_without_a_broker_there_is_a_clear_error(house: RunningBroker) -> None:
    for uri in ("", "local:///nowhere", "ssh://there/local", "nonsense", f"local://{house.files}"):
        alone = {**house.environment, "FLUX_URI": uri}
        for command in (["get"], ["set", "a", "1"], ["reload"], ["status"], ["history"]):
            complaint = house.refused(*command, env=alone)
            assert "broker" in complaint or "FLUX_URI" in complaint
            assert "Traceback" not in complaint


# set, unset, load


@pytest.mark.parametrize(
    ("arguments", "kind", "shown"),
    [
        (["sample.s", "new"], "string", "new"),
        (["sample.i", "0x10"], "integer", "16"),
        (["sample.i", "-1"], "integer", "-1"),
        (["sample.r", "3"], "real", "3.0"),
        (["sample.b", "yes"], "boolean", "true"),
        (["sample.o", '{"y":2}'], "object", '{"y":2}'),
        (["sample.l", "[]"], "array", "[]"),
        (["-t", "integer", "sample.s", "010"], "integer", "8"),
        (["-t", "fsd", "new.key", "2s"], "fsd", "2s"),
        (["-t", "string", 'new."dotted.name"', "2s"], "string", "2s"),
    ],
)
def test_set_gives_a_key_a_value(
    house: RunningBroker, arguments: list[str], kind: str, shown: str
) -> None:
    before = house.generation
    house.good("set", *arguments)
    assert house.good("get", "-t", kind, arguments[-2]) == f"{shown}\n"
    assert house.generation == before + 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["sample.new", "1"], "flux-config: Type is unknown, please specify --type\n"),
        (["-t", "fsd-integer", "sample.d", "1"], "fsd-integer"),
        (["-t", "fsd-real", "sample.d", "1"], "fsd-real"),
        (["-t", "nope", "sample.d", "1"], "flux-config: Unknown type: nope\n"),
        (["sample.i", "seven"], '"seven" is not an integer'),
        (["sample.s.x", "-t", "integer", "1"], "is not a table"),
        (["a..b", "1"], "is not a dotted key"),
        (["--if-generation=99999", "sample.i", "1"], "someone was faster"),
    ],
)
def test_set_that_fails_changes_nothing(
    house: RunningBroker, arguments: list[str], complaint: str
) -> None:
    before = house.good("get"), house.generation
    assert complaint in house.refused("set", *arguments)
    assert (house.good("get"), house.generation) == before


def test_unset_takes_a_key_away_and_does_not_mind_an_unknown_one(house: RunningBroker) -> None:
    house.good("unset", "sample.i")
    assert "sample.i is not set" in house.refused("get", "sample.i")
    before = house.generation
    assert "unchanged" in house.good("unset", "sample.i")
    assert house.generation == before
    assert house.good("--help")


def test_fifty_at_once_lose_nothing(house: RunningBroker) -> None:
    def one(number: int) -> int:
        return house.config("set", "-t", "integer", f"many.k{number}", str(number)).returncode

    with ThreadPoolExecutor(50) as pool:
        assert set(pool.map(one, range(50))) == {0}
    assert json.loads(house.good("get", "many")) == {f"k{n}": n for n in range(50)}


def test_of_two_that_expect_the_same_generation_one_wins(house: RunningBroker) -> None:
    expected = f"--if-generation={house.generation}"

    def one(number: int) -> int:
        return house.config("set", expected, "sample.i", str(100 + number)).returncode

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(one, range(8))) == [0] + [1] * 7


def test_load_takes_toml_json_nothing_and_a_path(house: RunningBroker) -> None:
    for text, value in (("a = 1\n", '{"a":1}'), ('{"a": {"b": [true]}}', '{"a":{"b":[true]}}'),
                        ("", "{}"), (" \n", "{}")):  # fmt: skip
        house.good("load", input=text)
        assert house.good("get") == f"{value}\n"
    house.good("load", str(house.files))
    assert house.good("get", "sample.i") == "7\n"
    assert "<stdin>:1:5" in house.refused("load", input="a = nonsense\n")
    assert "<stdin>" in house.refused("load", input="[1]\n[1]\n")
    assert "No such file" in house.refused("load", "/nowhere")
    assert house.good("get", "sample.i") == "7\n"


@pytest.mark.parametrize("command", ["set sample.i 9", "unset sample.i", "load -", "rollback 1"])
def test_every_change_can_be_tried(house: RunningBroker, command: str) -> None:
    words = command.split()
    given: dict[str, Any] = {}
    if words[0] == "load":
        words, given = ["load"], {"input": "other = 1\n"}
    house.good("set", "-t", "string", "mark", "here")
    before = house.good("get"), house.generation
    done = house.good(*words, "--dry-run", "--json", **given)
    assert json.loads(done)["result"] == "valid"
    assert (house.good("get"), house.generation) == before


def test_reload_proposes_the_files(house: RunningBroker) -> None:
    house.good("set", "sample.i", "9")
    house.good("reload", "--follower-noop")
    assert house.good("get", "sample.i") == "7\n"
    house.write_text("broken = \n", "z.toml")
    complaint = house.refused("reload")
    (house.files / "z.toml").unlink()
    assert "z.toml:1:10" in complaint
    assert "nothing changed" in complaint


def test_builtin_values(house: RunningBroker) -> None:
    assert house.good("builtin", "confdir").endswith("/flux\n")
    assert house.good("builtin", "--installed", "confdir") != house.good(
        "builtin", "--intree", "confdir"
    )
    assert "shell_nope is invalid" in house.refused("builtin", "shell_nope")


# Guests


@needs_root
def test_guests_look_and_the_owner_changes(house: RunningBroker) -> None:
    """By another uid for real: the kernel says who is at the door."""

    def guest(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return flux(house.environment, "config", *arguments)

    seen = guest("get", "sample.i")
    assert (seen.returncode, seen.stdout) == (0, "7\n"), seen.stderr
    assert guest("status", "--json").returncode == 0
    assert guest("history", "--json").returncode == 0
    before = house.generation
    for words in (["set", "sample.i", "8"], ["unset", "sample.i"], ["reload"], ["rollback"],
                  ["confirm"], ["load", str(house.files)]):  # fmt: skip
        refused = guest(*words)
        assert refused.returncode == 1, words
    assert "only the owner" in guest("set", "sample.i", "8").stderr
    (house.root / "large.toml").write_text(f"x = '{'x' * 1_000_000}'\n")
    large = guest("load", str(house.root / "large.toml"))
    assert (large.returncode, "too long" in large.stderr) == (1, True), large.stderr
    assert house.generation == before


# History


def test_the_history_tells_who_how_and_why_also_of_what_was_refused(house: RunningBroker) -> None:
    house.good("set", "sample.i", "21", "-m", "because of the moon")
    number = house.generation
    house.refused("set", "sample.i", "x", "-m", "by mistake")
    refused, committed = house.json("history", "-n", "2", "--json")["history"]
    assert (committed["result"], committed["generation"]) == ("committed", number)
    assert committed["message"] == "because of the moon"
    assert committed["who"]["uid"] == os.getuid()
    assert committed["who"]["command"] == "flux config set sample.i 21"
    assert (refused["result"], refused["base"]) == ("refused", number)
    assert "generation" not in refused
    assert "is not an integer" in refused["reasons"][0]["message"]
    shown = house.good("history")
    assert "because of the moon" in shown
    assert "by mistake" in shown


def test_show_and_diff_compare_generations_and_files(house: RunningBroker) -> None:
    base = house.generation
    assert house.json("diff", "--json")["changes"] == []
    house.good("set", "sample.i", "22")
    house.good("unset", "sample.l")
    changes = house.json("diff", "--json")["changes"]
    assert changes == [{"key": "sample.i", "old": 22, "new": 7}, {"key": "sample.l", "new": [1, 2]}]
    assert house.json("diff", str(base), str(base + 1), "--json")["changes"] == [
        {"key": "sample.i", "old": 7, "new": 22}]  # fmt: skip
    assert house.json("diff", str(base + 2), "--json")["changes"] == []
    assert "-sample.i = 22\n+sample.i = 7\n" in house.good("diff", "running", "files")
    shown = house.good("show", str(base))
    house.good("load", input=shown)
    assert house.json("diff", str(base), "--json")["changes"] == []
    assert house.json("show", str(base), "--json")["configuration"]["sample"]["i"] == 7
    for words in (
        ["show", "99999"],
        ["diff", "99999"],
        ["diff", "nonsense"],
        ["rollback", "99999"],
    ):
        assert house.refused(*words)


def test_rollback_is_a_change_to_what_was(house: RunningBroker) -> None:
    base = house.generation
    house.good("set", "sample.i", "23")
    house.good("set", "sample.s", "later")
    house.good("rollback")
    assert (house.good("get", "sample.i"), house.good("get", "sample.s")) == ("23\n", "text\n")
    house.good("rollback", str(base))
    assert house.good("get", "sample.i") == "7\n"
    assert house.generation == base + 4


def test_the_history_is_bounded() -> None:
    house = RunningBroker("a = 0\n")
    house.options = ("-S", "config.history=3")
    try:
        house.start()
        for number in range(1, 7):
            house.good("set", "a", str(number))
            house.refused("set", "a", "nonsense")
        entries = house.json("history", "-n", "100", "--json")["history"]
        assert [one["generation"] for one in entries if one["result"] == "committed"] == [7, 6, 5]
        assert len([one for one in entries if one["result"] == "refused"]) == 3
        assert "5 to 7 are" in house.refused("rollback", "4")
    finally:
        house.close()


# Confirmation


def test_what_nobody_confirms_is_undone(house: RunningBroker) -> None:
    said = house.good("set", "--confirm=5s", "sample.i", "31")
    assert "within 5s" in said
    assert house.ask("status")["unconfirmed"]["seconds"] <= 5
    assert "not confirmed" in house.refused("set", "sample.i", "32")
    until(lambda: house.good("get", "sample.i") == "7\n", "the undo")
    newest = house.json("history", "-n", "1", "--json")["history"][0]
    assert newest["verb"] == "undo"
    assert "nothing to confirm" in house.refused("confirm")


def test_what_is_confirmed_stays(house: RunningBroker) -> None:
    house.good("load", "--confirm=300s", input="confirmed = 1\n")
    house.good("confirm")
    assert "unconfirmed" not in house.json("status", "--json")
    house.good("set", "confirmed", "2")


def test_an_unconfirmed_change_is_undone_although_the_broker_died() -> None:
    house = RunningBroker("a = 1\n").start()
    try:
        house.write_text("a = 2\n")
        house.good("reload", "--confirm=2s")
        house.kill()
        house.start()
        assert house.good("get", "a") in ("2\n", "1\n")
        until(lambda: house.good("get", "a") == "1\n", "the undo, in the next life")
        house.kill()
        house.start()
        assert house.good("get", "a") == "1\n", "the files that were undone are not taken again"
    finally:
        house.close()


def test_more_time_to_confirm_survives_the_broker() -> None:
    house = RunningBroker("a = 1\n").start()
    try:
        assert "nothing to confirm" in house.refused("confirm", "--extend=5s")
        house.good("set", "a", "2", "--confirm=60s")
        said = house.good("confirm", "--extend=300s")
        assert said.startswith("extended: generation 2 stays in force")
        assert "within 5m" in said
        assert house.ask("status")["unconfirmed"]["seconds"] > 60
        again = house.json("set", "a", "2", "--confirm=600s", "--json")
        assert (again["result"], again["confirm"]) == ("unchanged", 600)
        house.kill()
        house.start()
        assert house.ask("status")["unconfirmed"]["seconds"] > 300
        house.good("rollback")
        assert house.good("get", "a") == "1\n"
    finally:
        house.close()


def test_a_confirmation_survives_the_broker() -> None:
    house = RunningBroker("a = 1\n").start()
    try:
        house.good("set", "a", "2", "--confirm=300s")
        house.good("confirm")
        house.kill()
        house.start()
        assert "unconfirmed" not in house.json("status", "--json")
        assert house.good("get", "a") == "2\n"
    finally:
        house.close()


# Everything at once


def test_dump_holds_everything_and_its_toml_says_the_same(house: RunningBroker) -> None:
    import tomllib

    found = json.loads(house.good("dump", "--json"))
    assert found["configuration"]["sample"]["i"] == 7
    assert found["attributes"]["config.path"] == str(house.files)
    assert tomllib.loads(house.good("dump", "--toml")) == found


def test_wrong_usage_is_told_from_refusal(house: RunningBroker) -> None:
    for words in ([], ["nope"], ["get", "a", "b"], ["get", "--nope"], ["set", "a"],
                  ["set", "--timeout=0", "a", "1"], ["set", "--timeout=-1s", "a", "1"],
                  ["set", "--confirm=soon", "a", "1"], ["rollback", "x"], ["rollback", "-1"],
                  ["history", "-n", "0"], ["history", "-n", "many"], ["show"], ["show", "1.5"],
                  ["set", "--if-generation=x", "a", "1"], ["reload", "x"], ["builtin"],
                  ["dump", "--toml", "--json"], ["validate"], ["reload", "--timeout", "1e99"],
                  ["history", "-n", "9" * 30]):  # fmt: skip
        done = house.config(*words)
        assert done.returncode == 2, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        assert done.stdout == ""


def test_every_command_explains_itself(house: RunningBroker) -> None:
    from cli.commands.config.main import COMMANDS

    alone = {**house.environment, "FLUX_URI": ""}
    for command in COMMANDS:
        done = house.config(command, "--help", env=alone)
        assert done.returncode == 0
        assert "usage: flux config" in done.stdout
        assert len(done.stdout.splitlines()) > 5
    assert "exit status" in house.flux("help", "config").stdout
    assert "--confirm" in house.flux("help", "config", "reload").stdout
