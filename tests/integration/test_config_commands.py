# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config` at a real broker: what scripts and administrators type, and what they see."""

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cli.real_flux import OURS_ALONE_OF_CONFIG
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
def shared_broker() -> Iterator[RunningBroker]:
    """One without modules, for all tests that do not end it."""
    found = RunningBroker(TEXT).start()
    yield found
    found.close()


@pytest.fixture
def broker(shared_broker: RunningBroker) -> RunningBroker:
    """The broker, running what its files say, which are as they were at first."""
    shared_broker.write_text(TEXT)
    shared_broker.good("reload")
    return shared_broker


# get


def test_get_prints_the_whole_as_compact_json(broker: RunningBroker) -> None:
    shown = broker.good("get")
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
    broker: RunningBroker, arguments: list[str], shown: str
) -> None:
    assert broker.good("get", *arguments) == f"{shown}\n"


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
def test_get_fails_as_flux_does(
    broker: RunningBroker, arguments: list[str], complaint: str
) -> None:
    done = broker.config("get", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert complaint in done.stderr
    assert bool(done.stderr) == bool(complaint)


def test_get_reads_files_without_a_broker(broker: RunningBroker) -> None:
    alone = {**broker.environment, "FLUX_URI": "local:///nowhere"}
    path = str(broker.files)
    assert broker.good("get", "-c", path, "sample.i", env=alone) == "7\n"
    one = broker.root / "one.json"
    one.write_text('{"a":{"b":"c"}}')
    assert broker.good("get", f"--config-path={one}", "a.b", env=alone) == "c\n"
    assert broker.good("get", "-c", str(one), "-d", "z", "a.nope", env=alone) == "z\n"
    assert "a.nope is not set" in broker.refused("get", "-c", str(one), "a.nope", env=alone)
    for name in ("system", "security", "imp"):
        assert f"/flux/{name}/conf.d" in broker.refused("get", "-c", name, env=alone)
    (broker.root / "bad.toml").write_text("a = 1\nb = \n")
    bad = broker.refused("get", "-c", str(broker.root / "bad.toml"), env=alone)
    assert "bad.toml:2:5" in bad


def test_without_a_broker_there_is_a_clear_error(broker: RunningBroker) -> None:
    for uri in ("", "local:///nowhere", "ssh://there/local", "nonsense", f"local://{broker.files}"):
        alone = {**broker.environment, "FLUX_URI": uri}
        for command in (["get"], ["set", "a", "1"], ["reload"], ["status"], ["history"]):
            complaint = broker.refused(*command, env=alone)
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
    broker: RunningBroker, arguments: list[str], kind: str, shown: str
) -> None:
    before = broker.generation
    broker.good("set", *arguments)
    assert broker.good("get", "-t", kind, arguments[-2]) == f"{shown}\n"
    assert broker.generation == before + 1


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
    broker: RunningBroker, arguments: list[str], complaint: str
) -> None:
    before = broker.good("get"), broker.generation
    assert complaint in broker.refused("set", *arguments)
    assert (broker.good("get"), broker.generation) == before


def test_unset_takes_a_key_away_and_does_not_mind_an_unknown_one(broker: RunningBroker) -> None:
    broker.good("unset", "sample.i")
    assert "sample.i is not set" in broker.refused("get", "sample.i")
    before = broker.generation
    assert "unchanged" in broker.good("unset", "sample.i")
    assert broker.generation == before
    assert broker.good("--help")


def test_fifty_at_once_lose_nothing(broker: RunningBroker) -> None:
    def one(number: int) -> int:
        return broker.config("set", "-t", "integer", f"many.k{number}", str(number)).returncode

    with ThreadPoolExecutor(50) as pool:
        assert set(pool.map(one, range(50))) == {0}
    assert json.loads(broker.good("get", "many")) == {f"k{n}": n for n in range(50)}


def test_of_two_that_expect_the_same_generation_one_wins(broker: RunningBroker) -> None:
    expected = f"--if-generation={broker.generation}"

    def one(number: int) -> int:
        return broker.config("set", expected, "sample.i", str(100 + number)).returncode

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(one, range(8))) == [0] + [1] * 7


def test_load_takes_toml_json_nothing_and_a_path(broker: RunningBroker) -> None:
    for text, value in (("a = 1\n", '{"a":1}'), ('{"a": {"b": [true]}}', '{"a":{"b":[true]}}'),
                        ("", "{}"), (" \n", "{}")):  # fmt: skip
        broker.good("load", input=text)
        assert broker.good("get") == f"{value}\n"
    broker.good("load", str(broker.files))
    assert broker.good("get", "sample.i") == "7\n"
    assert "<stdin>:1:5" in broker.refused("load", input="a = nonsense\n")
    assert "<stdin>" in broker.refused("load", input="[1]\n[1]\n")
    assert "No such file" in broker.refused("load", "/nowhere")
    assert broker.good("get", "sample.i") == "7\n"


@pytest.mark.parametrize("command", ["set sample.i 9", "unset sample.i", "load -", "rollback 1"])
def test_every_change_can_be_tried(broker: RunningBroker, command: str) -> None:
    words = command.split()
    given: dict[str, Any] = {}
    if words[0] == "load":
        words, given = ["load"], {"input": "other = 1\n"}
    broker.good("set", "-t", "string", "mark", "here")
    before = broker.good("get"), broker.generation
    done = broker.good(*words, "--dry-run", "--json", **given)
    assert json.loads(done)["result"] == "valid"
    assert (broker.good("get"), broker.generation) == before


def test_reload_proposes_the_files(broker: RunningBroker) -> None:
    broker.good("set", "sample.i", "9")
    broker.good("reload", "--follower-noop")
    assert broker.good("get", "sample.i") == "7\n"
    broker.write_text("broken = \n", "z.toml")
    complaint = broker.refused("reload")
    (broker.files / "z.toml").unlink()
    assert "z.toml:1:10" in complaint
    assert "nothing changed" in complaint


def test_builtin_values(broker: RunningBroker) -> None:
    assert broker.good("builtin", "confdir").endswith("/flux\n")
    assert broker.good("builtin", "--installed", "confdir") != broker.good(
        "builtin", "--intree", "confdir"
    )
    assert "shell_nope is invalid" in broker.refused("builtin", "shell_nope")


# Guests


@needs_root
def test_guests_look_and_the_owner_changes(broker: RunningBroker) -> None:
    """By another uid for real: the kernel says who is there."""

    def guest(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return flux(broker.environment, "config", *arguments)

    seen = guest("get", "sample.i")
    assert (seen.returncode, seen.stdout) == (0, "7\n"), seen.stderr
    assert guest("status", "--json").returncode == 0
    assert guest("history", "--json").returncode == 0
    before = broker.generation
    for words in (["set", "sample.i", "8"], ["unset", "sample.i"], ["reload"], ["rollback"],
                  ["confirm"], ["load", str(broker.files)]):  # fmt: skip
        refused = guest(*words)
        assert refused.returncode == 1, words
    assert "only the owner" in guest("set", "sample.i", "8").stderr
    (broker.root / "large.toml").write_text(f"x = '{'x' * 1_000_000}'\n")
    large = guest("load", str(broker.root / "large.toml"))
    assert (large.returncode, "too long" in large.stderr) == (1, True), large.stderr
    assert broker.generation == before


# History


def test_the_history_tells_who_how_and_why_also_of_what_was_refused(broker: RunningBroker) -> None:
    broker.good("set", "sample.i", "21", "-m", "because of the moon")
    number = broker.generation
    broker.refused("set", "sample.i", "x", "-m", "by mistake")
    refused, committed = broker.json("history", "-n", "2", "--json")["history"]
    assert (committed["result"], committed["generation"]) == ("committed", number)
    assert committed["message"] == "because of the moon"
    assert committed["who"]["uid"] == os.getuid()
    assert committed["who"]["command"] == "flux config set sample.i 21"
    assert (refused["result"], refused["base"]) == ("refused", number)
    assert "generation" not in refused
    assert "is not an integer" in refused["reasons"][0]["message"]
    shown = broker.good("history")
    assert "because of the moon" in shown
    assert "by mistake" in shown


def test_show_and_diff_compare_generations_and_files(broker: RunningBroker) -> None:
    base = broker.generation
    assert broker.json("diff", "--json")["changes"] == []
    broker.good("set", "sample.i", "22")
    broker.good("unset", "sample.l")
    changes = broker.json("diff", "--json")["changes"]
    assert changes == [{"key": "sample.i", "old": 22, "new": 7}, {"key": "sample.l", "new": [1, 2]}]
    assert broker.json("diff", str(base), str(base + 1), "--json")["changes"] == [
        {"key": "sample.i", "old": 7, "new": 22}]  # fmt: skip
    assert broker.json("diff", str(base + 2), "--json")["changes"] == []
    assert "-sample.i = 22\n+sample.i = 7\n" in broker.good("diff", "running", "files")
    shown = broker.good("show", str(base))
    broker.good("load", input=shown)
    assert broker.json("diff", str(base), "--json")["changes"] == []
    assert broker.json("show", str(base), "--json")["configuration"]["sample"]["i"] == 7
    for words in (["show", "99999"], ["diff", "99999"], ["rollback", "99999"]):
        assert broker.refused(*words)


def test_rollback_is_a_change_to_what_was(broker: RunningBroker) -> None:
    base = broker.generation
    broker.good("set", "sample.i", "23")
    broker.good("set", "sample.s", "later")
    broker.good("rollback")
    assert (broker.good("get", "sample.i"), broker.good("get", "sample.s")) == ("23\n", "text\n")
    broker.good("rollback", str(base))
    assert broker.good("get", "sample.i") == "7\n"
    assert broker.generation == base + 4


def test_the_history_is_bounded() -> None:
    broker = RunningBroker("a = 0\n")
    broker.options = ("-S", "config.history=3")
    try:
        broker.start()
        for number in range(1, 7):
            broker.good("set", "a", str(number))
            broker.refused("set", "a", "nonsense")
        entries = broker.json("history", "-n", "100", "--json")["history"]
        assert [entry["generation"] for entry in entries if entry["result"] == "committed"] == [
            7,
            6,
            5,
        ]
        assert len([entry for entry in entries if entry["result"] == "refused"]) == 3
        assert "5 to 7 are" in broker.refused("rollback", "4")
    finally:
        broker.close()


# Confirmation


def test_what_nobody_confirms_is_undone(broker: RunningBroker) -> None:
    said = broker.good("set", "--confirm=5s", "sample.i", "31")
    assert "within 5s" in said
    assert broker.ask("status")["unconfirmed"]["seconds"] <= 5
    assert "not confirmed" in broker.refused("set", "sample.i", "32")
    until(lambda: broker.good("get", "sample.i") == "7\n", "the undo")
    newest = broker.json("history", "-n", "1", "--json")["history"][0]
    assert newest["verb"] == "undo"
    assert "nothing to confirm" in broker.refused("confirm")


def test_what_is_confirmed_stays(broker: RunningBroker) -> None:
    broker.good("load", "--confirm=300s", input="confirmed = 1\n")
    broker.good("confirm")
    assert "unconfirmed" not in broker.json("status", "--json")
    broker.good("set", "confirmed", "2")


def test_an_unconfirmed_change_is_undone_although_the_broker_died() -> None:
    broker = RunningBroker("a = 1\n").start()
    try:
        broker.write_text("a = 2\n")
        broker.good("reload", "--confirm=2s")
        broker.kill()
        broker.start()
        assert broker.good("get", "a") in ("2\n", "1\n")
        until(lambda: broker.good("get", "a") == "1\n", "the undo, in the next life")
        broker.kill()
        broker.start()
        assert broker.good("get", "a") == "1\n", "the files that were undone are not taken again"
    finally:
        broker.close()


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
    broker = RunningBroker("a = 1\n").start()
    try:
        broker.good("set", "a", "2", "--confirm=300s")
        broker.good("confirm")
        broker.kill()
        broker.start()
        assert "unconfirmed" not in broker.json("status", "--json")
        assert broker.good("get", "a") == "2\n"
    finally:
        broker.close()


# Everything at once


def test_dump_holds_everything_and_its_toml_says_the_same(broker: RunningBroker) -> None:
    import tomllib

    found = json.loads(broker.good("dump", "--json"))
    assert found["configuration"]["sample"]["i"] == 7
    assert found["attributes"]["config.path"] == str(broker.files)
    assert tomllib.loads(broker.good("dump", "--toml")) == found


def test_wrong_usage_is_told_from_refusal(broker: RunningBroker) -> None:
    for words in ([], ["nope"], ["get", "a", "b"], ["get", "--nope"], ["set", "a"],
                  ["set", "--timeout=0", "a", "1"], ["set", "--timeout=-1s", "a", "1"],
                  ["set", "--confirm=soon", "a", "1"], ["rollback", "x"], ["rollback", "-1"],
                  ["history", "-n", "0"], ["history", "-n", "many"], ["show"], ["show", "1.5"],
                  ["set", "--if-generation=x", "a", "1"], ["reload", "x"], ["builtin"],
                  ["dump", "--toml", "--json"], ["validate"], ["reload", "--timeout", "1e99"],
                  ["history", "-n", "9" * 30], ["diff", "x"], ["diff", "1", "-"]):  # fmt: skip
        done = broker.config(*words)
        alone = bool(words) and words[0] in OURS_ALONE_OF_CONFIG
        assert done.returncode == (2 if alone else 1), (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        assert done.stdout == "" or "--json" in words


def test_a_directory_without_files_is_the_empty_configuration_with_a_warning(
    broker: RunningBroker,
) -> None:
    place = broker.root / "nothing"
    place.mkdir(exist_ok=True)
    for command in ("load", "validate"):
        before = broker.generation
        assert "holds no *.toml file" in broker.refused(command, "--strict", str(place))
        assert broker.generation == before
        done = broker.config(command, str(place))
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith("flux-config: warning: ")
        assert "holds no *.toml file" in done.stderr


@pytest.mark.parametrize("command", ["remove", "reload"])
def test_an_empty_name_of_a_module_is_named(broker: RunningBroker, command: str) -> None:
    done = broker.flux("module", command, "")
    assert (done.returncode, done.stderr) == (1, "flux-module: the field name must not be empty\n")


def test_every_command_explains_itself(broker: RunningBroker) -> None:
    from cli.commands.config.main import COMMANDS

    alone = {**broker.environment, "FLUX_URI": ""}
    for command in COMMANDS:
        done = broker.config(command, "--help", env=alone)
        assert done.returncode == 0
        assert "usage: flux config" in done.stdout
        assert len(done.stdout.splitlines()) > 5
    assert "exit status" in broker.flux("help", "config").stdout
    assert "--confirm" in broker.flux("help", "config", "reload").stdout
