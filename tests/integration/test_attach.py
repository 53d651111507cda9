# SPDX-License-Identifier: LGPL-3.0-or-later
"""`participant.attach` in real processes: threads, forks, names, removal, reconnection, the end.

Each service is a program of its own that says what it sees, a line a word, and does what it is told
on stdin.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from participant import Field, Module, attach
from participant.runtime.attachment import Attachment
from tests.support.broker import RunningBroker
from tests.support.client_calls import ROOT
from tests.support.patience import PATIENCE, until

SERVICE = '''
import atexit, os, sys, threading
LAST = []
atexit.register(lambda: [say("at exit:", attached.ended) for attached in LAST])  # after ours
from participant import Field, Module, StaleConfiguration, attach

class Pump(Module):
    """Keeps the cellar dry."""
    table = "pump"
    class Config(Module.Config):
        pace: int = Field(1, ge=1)

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def stale(look):
    try:
        return look()
    except StaleConfiguration as why:
        return f"stale: {why}"

URI = os.environ["FLUX_URI"]
'''


class Service:
    """One program."""

    def __init__(self, broker: RunningBroker, program: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVICE + program], env=broker.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def tell(self, line: str = "") -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self) -> str:
        """What it has said on stderr, after it has ended well."""
        _, complaints = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, complaints
        return complaints


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    broker = RunningBroker("[pump]\npace = 1\n").start()
    yield broker
    broker.close()


@pytest.fixture
def start(broker: RunningBroker) -> Iterator[Callable[[str], Service]]:
    services: list[Service] = []

    def begin(program: str) -> Service:
        services.append(Service(broker, program))
        return services[-1]

    yield begin
    for service in services:
        service.process.kill()
        service.process.communicate()
    until(lambda: not broker.members(), "nobody is left")


class Pump(Module):
    """Keeps the cellar dry."""

    table = "pump"

    class Config(Module.Config):
        pace: int = Field(1, ge=1)


def set_pace(broker: RunningBroker, pace: int) -> int:
    broker.good("set", "pump.pace", str(pace), "--timeout", f"{PATIENCE}s")
    return broker.generation


def test_waiting_and_closing_from_any_thread(
    broker: RunningBroker, start: Callable[[str], Service]
) -> None:
    service = start("""
module = Pump()
attached = attach(URI, module)
say(attached.wait_for(seconds=120), attached.admitted, module.config.pace)
say(attached.wait_for(10**6, 0.01))
waiter = threading.Thread(target=lambda: say("waited", attached.wait_for(10**6)))
waiter.start()
try:
    module.every(1, print)
except RuntimeError as why:
    say(why)
input()
say(attached.generation, module.config.pace)
closers = [threading.Thread(target=attached.close) for _ in range(4)]
for thread in closers: thread.start()
for thread in closers: thread.join()
waiter.join()
attached.close()
say(attached.ended, attached.admitted, attached.wait_for(10**6), attached._thread.is_alive())
""")
    assert service.line() == "True True 1"
    assert service.line() == "False"
    assert service.line() == "every is for the thread in which prepare is called, as in run()"
    generation = set_pace(broker, 2)
    service.tell()
    assert service.line() == f"{generation} 2"
    assert service.line() == "waited False"
    assert service.line() == "closed False False False"
    assert not broker.members()
    assert service.end() == ""


def test_from_its_own_thread_and_at_exit(
    broker: RunningBroker, start: Callable[[str], Service]
) -> None:
    service = start("""
class Own(Pump):
    def commit(self, staged):
        ready.wait(120)
        try:
            mine[0].wait_for(1)
        except RuntimeError as why:
            say(why)
        if self.config.pace == 7:
            mine[0].close()
            mine[0].close()
            say("closed within commit")
mine = []
ready = threading.Event()
module = Own()
mine.append(attach(URI, module, "own"))
ready.set()
other = attach(URI, Pump(), "other")
LAST.append(other)
other.wait_for(seconds=120)
say(mine[0].wait_for(seconds=120))
input()
mine[0]._thread.join()
say(mine[0].ended)
""")
    assert "wait for itself" in service.line()
    assert service.line() == "True"
    set_pace(broker, 7)
    assert "wait for itself" in service.line()
    assert service.line() == "closed within commit"
    until(lambda: set(broker.members()) == {"other"}, "the one has left")
    service.tell()
    assert service.line() == "closed"
    assert service.line() == "at exit: closed", "the other has said goodbye by itself"
    assert service.end() == ""
    until(lambda: not broker.members(), "both are gone")


def test_a_child_by_fork_is_refused_or_follows(
    broker: RunningBroker, start: Callable[[str], Service]
) -> None:
    service = start("""
module, second = Pump(), Pump()
attached = attach(URI, module, "parent")
following = attach(URI, second, "prefork", on_fork="follow")
attached.wait_for(seconds=120), following.wait_for(seconds=120)
child = os.fork()
if child == 0:
    say("child", stale(lambda: module.config.pace))
    say("child", stale(lambda: module.whole), stale(lambda: module.arguments["a"]))
    say("child", stale(lambda: attached.generation), stale(lambda: attached.wait_for(1)))
    attached.close()
    own = attach(URI, Pump(), "anew")
    say(own.wait_for(seconds=120), following.wait_for(seconds=120), following.name)
    say(own.module.config.pace, second.config.pace)
    sys.stdin.readline()
    say(own.module.config.pace, second.config.pace)
    sys.exit()
_, status = os.waitpid(child, 0)
say("parent", status, module.config.pace, second.config.pace, attached.admitted)
input()
""")
    pace = broker.json("get", "pump.pace")
    for _ in range(3):
        words = service.line()
        assert "is a child by fork of the one in which parent is attached" in words
        assert "on_fork='follow'" in words
        assert "1" not in words.split(), "no old value"
    assert service.line().startswith("True True prefork.")
    assert service.line() == f"{pace} {pace}"
    names = sorted(broker.members())
    assert names[:1] + names[1:3] == ["anew", "parent", "prefork"]
    assert names[3].startswith("prefork.")
    set_pace(broker, 11)
    service.tell()
    assert service.line() == "11 11"
    assert service.line() == "parent 0 11 11 True"
    until(lambda: sorted(broker.members()) == ["parent", "prefork"], "the child has left")
    service.process.kill()
    until(lambda: not broker.members(), "the parent is gone")


def test_the_death_of_the_parent_is_seen_though_a_child_lives(
    broker: RunningBroker, start: Callable[[str], Service]
) -> None:
    service = start("""
attached = attach(URI, Pump(), "parent")
attached.wait_for(seconds=120)
if os.fork() == 0:
    say("forked")
    sys.stdin.read()
    sys.exit()
attached.close()
say("closed", attached.ended)
sys.stdin.read()
""")
    assert sorted([service.line(), service.line()]) == ["closed closed", "forked"]
    until(lambda: not broker.members(), "it has left")


def test_names_that_are_taken(broker: RunningBroker, start: Callable[[str], Service]) -> None:
    other = start("""
attached = attach(URI, Pump())
say(attached.wait_for(seconds=120))
input()
attached.close()
""")
    assert other.line() == "True"
    module = Pump()
    with attach(broker.uri, module) as second:
        until(lambda: "the name pump is taken by process" in second.refusal, "it is told")
        assert not second.admitted
        assert not second.wait_for(seconds=0.01)
        other.tell()
        assert second.wait_for(seconds=PATIENCE), "it has the name as soon as that is free"
        until(lambda: not second.refusal, "and is not refused any more")
        with pytest.raises(ValueError, match="attached already"):
            attach(broker.uri, module, "another")
        with pytest.raises(ValueError, match="attached as pump already"):
            attach(broker.uri, Pump())
    with attach(broker.uri, module) as again:
        assert again.wait_for(seconds=PATIENCE), "what was closed can be attached again"
    assert other.end() == ""


def test_removed(broker: RunningBroker) -> None:
    told: list[str] = []
    seen: list[bool] = []

    def removed(why: str) -> None:
        told.append(why)
        attached.close()
        seen.append(attached.admitted)

    attached = attach(broker.uri, Pump(), "leaver", removed=removed)
    assert attached.wait_for(seconds=PATIENCE)
    broker.remove_module("leaver")
    assert not attached.wait_for(10**6), "it is over"
    attached.close()
    assert (told, seen, attached.ended) == (["removed by `flux module remove`"], [False], told[0])
    assert attached.generation > 0, "it goes on with what it runs"


def test_the_broker_dies_and_returns(tmp_path: Path) -> None:
    broker = RunningBroker("[pump]\npace = 1\n").start()
    try:
        module = Pump()
        with attach(broker.uri, module) as attached:
            assert attached.wait_for(seconds=PATIENCE)
            for end in (broker.kill, broker.end):
                end()
                until(lambda: not attached.admitted, "the cut is seen")
                assert (module.config.pace, attached.ended) == (1, "")
                broker.start()
                assert attached.wait_for(seconds=PATIENCE)
            assert broker.wait_for("pump", "running")
            broker.good("set", "pump.pace", "4")
            assert module.config.pace == 4
        assert tmp_path
    finally:
        broker.close()


def test_before_there_is_a_broker(tmp_path: Path) -> None:
    attached: Attachment = attach(f"ipc://{tmp_path}/modules", Pump())
    assert not attached.wait_for(seconds=0.05)
    attached.close()
    assert attached.ended == "closed"
    with pytest.raises(ValueError, match="no URI"):
        attach("tcp://x", Pump())


def test_in_asyncio(broker: RunningBroker, start: Callable[[str], Service]) -> None:
    """The example of docs/modules.md."""
    page = (ROOT / "docs" / "modules.md").read_text()
    example = page.partition("<!-- asyncio -->\n```python\n")[2].partition("```")[0]
    assert "call_soon_threadsafe" in example
    set_pace(broker, 1)
    service = start(f"""
{example}
class Told(Pump):
    async def changed(self):
        say("in the loop", self.config.pace, threading.current_thread() is threading.main_thread())
        if self.config.pace == 3:
            sys.stdin.readline()
            self.done.set()
asyncio.run(main(Told))
say("over")
""")
    assert service.line() == "in the loop 1 True"
    refused = broker.refused("set", "pump.pace", "13")
    assert "13 is more than the well gives" in refused
    set_pace(broker, 3)
    assert service.line() == "in the loop 3 True"
    service.tell()
    assert service.line() == "over"
    assert service.end() == ""
