# SPDX-License-Identifier: LGPL-3.0-or-later
"""What users of flux-core type, on three brokers: all modules on all ranks move, or none."""

import json
import time
from pathlib import Path

from tests.fluxcore.instance import Instance
from tests.support.patience import AT_ONCE, until


def test_two_refuse_on_different_ranks_and_no_module_runs_it(instance: Instance) -> None:
    for rank in range(3):
        instance.load_module("voter", "max=5" if rank else "max=100", rank=rank)
    instance.up()
    assert instance.load({"voter": {"n": 3}}).status == 0
    done = instance.load({"voter": {"n": 7}})
    assert done.status == 1
    assert done.text.removeprefix("flux-config: load: ").splitlines() == [
        "rank 1: voter: n: 7 is more than 5",
        "rank 1: voter: and that is the second reason",
        "rank 2: voter: n: 7 is more than 5",
        "rank 2: voter: and that is the second reason",
        "nothing changed; generation 2 stays in force",
    ]
    for rank in range(3):
        told = instance.told("voter", rank)
        assert told["asked"] == [3, 7]
        assert told["ran"] == [3]
    until(lambda: instance.told("voter", 0)["aborted"] == 1, "the one that said yes is released")
    assert instance.configs() == [{"voter": {"n": 3}}] * 3


def test_accepted_is_told_by_all_ranks_when_the_client_has_its_answer(instance: Instance) -> None:
    instance.up()
    for n in range(20):
        rank = n % 3
        assert instance.load({"some": {"n": n}}, rank=rank).status == 0
        assert instance.configs() == [{"some": {"n": n}}] * 3


def test_an_old_kind_refuses_in_commit_and_all_ranks_go_back(instance: Instance) -> None:
    for rank in range(3):
        instance.load_module("oldkind", "max=5" if rank == 2 else "max=100", rank=rank)
    instance.up()
    assert instance.load({"oldkind": {"n": 3}}).status == 0
    done = instance.load({"oldkind": {"n": 7}})
    assert done.status == 1
    assert "rank 2: failed in commit: oldkind: n: 7 is too much for me" in done.text
    assert "undone" in done.text
    assert instance.configs() == [{"oldkind": {"n": 3}}] * 3
    assert [instance.told("oldkind", rank)["ran"][-1] for rank in range(3)] == [3, 3, 3]
    assert instance.load({"oldkind": {"n": 4}}).status == 0
    assert instance.configs() == [{"oldkind": {"n": 4}}] * 3


def test_an_old_kind_hangs_in_commit_and_the_answer_comes_in_time(instance: Instance) -> None:
    instance.load_module("oldkind", "max=5", "hang=20", rank=2)
    instance.up()
    began = time.monotonic()
    done = instance.load({"oldkind": {"n": 7}})
    assert done.status == 1
    assert "rank 2: failed in commit: oldkind: did not answer within 5 s" in done.text
    assert "undone" in done.text
    assert time.monotonic() - began < AT_ONCE
    assert instance.configs() == [{}] * 3


def test_a_module_that_hangs_in_prepare_is_named(instance: Instance) -> None:
    instance.load_module("voter", rank=1)
    instance.up()
    done = instance.load({"voter": {"n": 1, "sleep": 15}})
    assert done.status == 1
    assert "rank 1: voter: did not answer within" in done.text
    assert instance.configs() == [{}] * 3


def test_twenty_concurrent_sets_are_twenty_keys(instance: Instance) -> None:
    instance.up()
    running = [
        instance.popen("config", "set", "--type=integer", f"many.k{n}", str(n)) for n in range(20)
    ]
    assert [process.wait() for process in running] == [0] * 20
    assert instance.configs() == [{"many": {f"k{n}": n for n in range(20)}}] * 3


def test_flux_core_own_commands(instance: Instance) -> None:
    instance.up()
    assert instance.flux("config", "set", "--type=string", "a.b", "x", rank=2).status == 0
    assert instance.flux("config", "get", "a.b", rank=1).text == "x\n"
    assert instance.flux("config", "unset", "a.b", rank=1).status == 0
    assert instance.flux("config", "reload").status == 0  # no files: nothing to do, as in Flux
    assert instance.flux("config", "get").text == '{"a":{}}\n'


def test_a_bundled_judge_speaks_for_a_module_of_flux(instance: Instance) -> None:
    instance.up()
    assert instance.flux("module", "load", "heartbeat", rank=1).status == 0
    done = instance.load({"heartbeat": {"period": "never"}})
    assert done.status == 1
    assert done.lines[0].startswith("flux-config: load: rank 1: heartbeat: heartbeat.period: ")
    assert instance.load({"heartbeat": {"period": "7s"}}).status == 0
    assert instance.flux("module", "remove", "heartbeat", rank=1).status == 0


def test_our_command_reaches_the_agent(instance: Instance) -> None:
    instance.up()
    assert instance.accord("config", "set", "--type=integer", "a.n", "1").status == 0
    done = instance.accord("config", "set", "--dry-run", "--type=integer", "a.n", "2")
    assert done.status == 0, done
    assert instance.configs() == [{"a": {"n": 1}}] * 3
    assert instance.accord("config", "rollback").status == 0
    assert instance.configs() == [{}] * 3
    history = json.loads(instance.accord("config", "history", "--json").text)
    assert history["history"][0]["verb"] == "rollback"
    drawn = json.loads(instance.accord("config", "timeline", "--json").text)["timelines"][0]
    assert (drawn["result"], drawn["verb"]) == ("committed", "rollback")
    members = {member["name"]: member for member in drawn["moments"]["members"]}
    assert sorted(members) == ["rank 0", "rank 1", "rank 2"]
    assert all(member["vote"] == "yes" and member["ok"] for member in members.values())
    assert "rank 2 " in instance.accord("config", "timeline").text


def test_our_command_on_any_rank(instance: Instance) -> None:
    instance.load_module("voter", rank=1)
    instance.load_module("oldkind", rank=2)
    instance.up()
    done = instance.accord("config", "set", "--type=integer", "a.n", "1", rank=2)
    assert done.status == 0, done
    assert instance.configs() == [{"a": {"n": 1}}] * 3
    done = instance.accord("config", "set", "--type=integer", "voter.n", "11", rank=2)
    assert done.status == 1
    assert "rank 1: voter: n: 11 is more than 10" in done.text
    status = instance.accord("config", "status", rank=1).text
    assert "voter              asked itself" in status
    assert "oldkind            cannot be asked" in status
    assert "connector-local    bundled validator" in status


def test_the_site_s_checks_vote_once_on_rank_0(instance: Instance, tmp_path: Path) -> None:
    script = tmp_path / "check"
    script.write_text(f"#!/bin/sh\necho >> {tmp_path}/asked\n! grep -q '\"n\": 7'\n")
    script.chmod(0o755)
    checks = [{"name": "site", "command": [str(script)]}]
    instance.up()
    assert instance.load({"checks": checks, "some": {"n": 3}}).status == 0
    done = instance.load({"checks": checks, "some": {"n": 7}})
    assert done.status == 1
    assert "rank 0: checks: site: exited with status 1, and did not say why" in done.text
    assert instance.configs() == [{"checks": checks, "some": {"n": 3}}] * 3
    assert len((tmp_path / "asked").read_text()) == 2
    hang = [{"name": "hang", "command": ["sleep", "300"], "timeout": "200ms"}]
    done = instance.load({"checks": hang, "some": {"n": 3}})
    assert "rank 0: checks: hang: did not answer within 0.2 s and was killed" in done.text
