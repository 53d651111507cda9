# SPDX-License-Identifier: LGPL-3.0-or-later
"""Users other than the owner: who is let in, what they see, and how little they can hurt."""

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.client import Client, Trouble
from protocol import limits
from tests.support import guest
from tests.support.broker import RunningBroker
from tests.support.patience import PATIENCE, until

pytestmark = guest.needs_root

OPEN = "[access]\nallow-guest-user = true\n"


@pytest.fixture
def broker() -> Iterator[RunningBroker]:
    broker = RunningBroker(OPEN + "[sample]\ni = 7\n").start()
    yield broker
    broker.close()


def said_to_guest(broker: RunningBroker, *arguments: str) -> tuple[int, str]:
    """Exit status and output of `flux config ARGUMENTS` as another user."""
    done = guest.flux(broker.environment, "config", *arguments)
    return done.returncode, done.stdout + done.stderr


# [access]


def test_guests_come_in_only_where_the_configuration_says_so(broker: RunningBroker) -> None:
    """By default they are refused, as in Flux; what is committed holds from then on."""
    assert said_to_guest(broker, "get", "sample.i") == (0, "7\n")
    for text in (
        "",
        "[access]\nallow-guest-user = false\n",
        '[access]\nallow-guest-user = "yes"\n',
    ):
        broker.good("load", input=text + "[sample]\ni = 7\n")
        status, said = said_to_guest(broker, "get", "sample.i")
        assert (status, "allow-guest-user" in said) == (1, True), said
    assert "allow-guest-user" in guest.flux(broker.environment, "lsattr").stderr
    broker.good("set", "access.allow-guest-user", "true", "--type=boolean")
    assert said_to_guest(broker, "get", "sample.i") == (0, "7\n")


def test_a_dry_run_lets_nobody_in(broker: RunningBroker) -> None:
    broker.good("load", input="")
    broker.good("load", "--dry-run", input=OPEN)
    assert said_to_guest(broker, "get")[0] == 1


WATCH = """
import os, sys
from cli.client import Client, Trouble
client = Client()
client.send("watch")
print(client.receive(30), flush=True)
os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
try:
    while True:
        client.receive(None)
except Trouble as trouble:
    sys.exit(0 if "allow-guest-user" in str(trouble) else 5)
"""


def test_a_guest_who_is_in_goes_when_the_rule_goes(broker: RunningBroker, tmp_path: Path) -> None:
    place = broker.root / "signs"
    place.mkdir()
    place.chmod(0o777)
    watcher = guest.python(broker.environment, WATCH, str(place / "watching"))
    until((place / "watching").exists, "the guest watches")
    broker.good("set", "sample.i", "8")
    assert watcher.poll() is None
    broker.good("unset", "access.allow-guest-user")
    assert watcher.wait(60) == 0


def test_root_is_an_owner_where_the_configuration_says_so() -> None:
    """The broker is another user's, and root comes: a guest like any, or an owner."""
    broker = RunningBroker("[sample]\ni = 7\n")
    for path in (broker.root, *broker.root.rglob("*")):
        os.chown(path, guest.NOBODY, guest.NOBODY)
    process = guest.flux_in_background(
        broker.environment, "broker", "-c", str(broker.files), "-S", f"rundir={broker.rundir}",
        "-S", f"statedir={broker.root / 'state'}", "-S", "broker.rc1_path=",
    )  # fmt: skip

    def owner(*arguments: str) -> tuple[int, str]:
        return said_to_guest(broker, *arguments)

    try:
        until(lambda: process.poll() is not None or owner("get")[0] == 0, "the broker is there")
        assert "allow-guest-user" in broker.refused("get")
        owner("set", "access.allow-guest-user", "true", "--type=boolean")
        broker.good("get")
        assert "only the owner" in broker.refused("set", "sample.i", "8")
        owner("set", "access.allow-root-owner", "true", "--type=boolean")
        broker.good("set", "sample.i", "8", "-m", "root was here")
        assert "root was here" in owner("history")[1]
        assert broker.flux("dmesg").returncode == 0
        owner("unset", "access")
        assert "allow-guest-user" in broker.refused("get")
    finally:
        process.terminate()
        process.wait(60)
        broker.close()


# What guests do not see

SECRET = "secret-that-was-typed"


LISTEN = """
import sys
client = cli.client.Client()
client.send("events", since=0)
with open(sys.argv[1], "w") as told:
    told.writelines(f"{client.receive(60)}\\n" for _ in range(5))
"""


def test_guests_do_not_see_what_others_typed(broker: RunningBroker) -> None:
    broker.good("set", "--type=string", "sample.typed", SECRET, "-m", f"because of {SECRET}")
    broker.good("unset", "sample.typed")
    broker.refused("set", "sample.i", SECRET)
    assert SECRET in broker.good("history")
    assert SECRET in broker.good("history", "--json")
    assert SECRET not in broker.good("get")
    for words in (["history"], ["history", "--json"], ["status"], ["status", "--json"],
                  ["show", "--json", str(broker.generation)], ["timeline"], ["timeline", "--json"],
                  ["timeline", "--html=-", "-n1"]):  # fmt: skip
        status, said = said_to_guest(broker, *words)
        assert (status, SECRET in said) == (0, False), said
        assert "0" in said, "who it was is told"
    entries = json.loads(said_to_guest(broker, "timeline", "--json", "-n9")[1])["timelines"]
    for entry in entries:
        entry.pop("changes", None)  # what was in force, as `show` and `diff` tell it
    assert SECRET not in json.dumps(entries)
    place = broker.root / "guest"
    place.mkdir()
    place.chmod(0o777)
    listener = guest.python(broker.environment, LISTEN, str(place / "told"))
    assert listener.wait(PATIENCE) == 0
    told = (place / "told").read_text()
    assert told.count("committed") == 3
    assert told.count("refused") == 1
    assert SECRET not in told
    dmesg = guest.flux(broker.environment, "dmesg")
    assert (dmesg.returncode, dmesg.stdout) == (1, "")
    assert "only the owner" in dmesg.stderr


def test_guests_do_not_see_why_a_change_was_undone(broker: RunningBroker) -> None:
    """It may be what a module said about a value that somebody typed."""
    base = broker.generation
    broker.good("set", "--confirm=0.1s", "--type=string", "sample.typed", "x")
    until(lambda: broker.generation == base + 2, "it is undone")
    asked = ("timeline", "--json", str(base + 1))
    (told,) = broker.json(*asked)["timelines"]
    assert (told["undone_by"], told["undone_why"]) == (base + 2, "nobody confirmed it")
    (told,) = json.loads(said_to_guest(broker, *asked)[1])["timelines"]
    assert (told["undone_by"], "undone_why" in told) == (base + 2, False)


# Guests who want to hurt

FLOOD = """
import json, socket, sys, time
path, seconds, request = sys.argv[1], float(sys.argv[2]), sys.argv[3].encode() + b"\\n"
requests = request * (60_000 // len(request))
clients, until = [], time.monotonic() + seconds
while time.monotonic() < until:
    while len(clients) < 6:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(1.0)
        try:
            client.connect(path)
        except OSError:
            break
        client.setblocking(False)
        clients.append(client)
    for client in list(clients):
        try:
            client.send(requests)
        except BlockingIOError:
            pass
        except OSError:
            client.close()
            clients.remove(client)
    time.sleep(0.001)
"""


def memory(pid: int) -> int:
    """The most that a process has had in memory so far, in bytes (proc(5), VmHWM)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


@pytest.mark.parametrize("request_", ['{"op": "get"}', '{"op": "history"}', '{"op": "dump"}'])
def test_a_guest_who_reads_nothing_fills_nothing(broker: RunningBroker, request_: str) -> None:
    """The broker's memory and the owner's answers stay within what is promised."""
    text = OPEN + "".join(f"[t{n}]\nv = '{'x' * 1000}'\n" for n in range(1000))
    broker.good("load", input=text)
    assert broker.process is not None
    before = memory(broker.process.pid)
    path = broker.environment["FLUX_URI"].removeprefix("local://")
    flood = guest.python(broker.environment, FLOOD, path, "12", request_)
    longest = 0.0
    try:
        time.sleep(1.0)
        for number in range(5):
            began = time.monotonic()
            answer = Client(broker.environment["FLUX_URI"]).ask(
                "set", 120.0, name="sample.i", value=str(number), type="integer", timeout=10.0
            )
            longest = max(longest, time.monotonic() - began)
            assert answer["result"] == "committed", answer
        flood.wait(60)
    finally:
        flood.kill()
        flood.wait()
    grown = memory(broker.process.pid) - before
    print(f"{request_}: {grown >> 20} MiB more at the most; longest change {longest:.2f} s")
    assert longest < limits.PREPARE_SECONDS + limits.COMMIT_SECONDS
    assert grown < limits.GUESTS_ANSWERS_BYTES + 96 * 1024 * 1024


def test_what_a_guest_does_not_read_is_asked_for_again(broker: RunningBroker) -> None:
    """Many requests at once are answered, all of them and in order, by and by."""
    broker.good("load", input=OPEN + f"v = '{'x' * 20_000}'\n")
    client = Client(broker.environment["FLUX_URI"])
    for _ in range(50):
        client.send("get")
    assert all(client.receive(PATIENCE) for _ in range(50))
    with pytest.raises(Trouble):
        client.ask("nonsense")


def test_json_of_guests_is_that_of_the_owner_but_for_what_is_withheld(
    broker: RunningBroker,
) -> None:
    broker.good("set", "sample.i", "9")
    own = json.loads(broker.good("history", "--json"))["history"]
    theirs = json.loads(said_to_guest(broker, "history", "--json")[1])["history"]
    assert [entry.keys() for entry in own] == [entry.keys() for entry in theirs]
    assert [entry["who"]["uid"] for entry in own] == [entry["who"]["uid"] for entry in theirs]
