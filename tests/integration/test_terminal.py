# SPDX-License-Identifier: LGPL-3.0-or-later
"""What reaches a terminal: nothing that could move its cursor, or turn the direction of writing.

Values come from whoever wrote the configuration, attributes from whoever set them.  Into a pipe
they go as they are.
"""

import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.broker import RunningBroker
from tests.support.client_calls import FLUX

ESC, CSI, RLO, ISOLATE, BELL = "\x1b[2J", "\x9b2J", "\u202e", "\u2067", "\x07"
EVIL = f"a{ESC}b{CSI}c{RLO}d{ISOLATE}e{BELL}f"
DANGEROUS = ("\x1b", "\x9b", "\x07", RLO, ISOLATE)

MODULE = f"""\
from participant import Module
class Odd(Module):
    \"\"\"Odd values.\"\"\"
    table = "odd"
    class Config(Module.Config):
        name: str = {EVIL!r}
"""


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    broker = RunningBroker().start()
    broker.flux("setattr", "test.note", EVIL)
    broker.good("set", "--type=string", "odd.name", EVIL)
    broker.good("set", "--type=string", "plain.other", EVIL)
    (broker.root / "odd.py").write_text(MODULE)
    assert broker.flux("module", "load", str(broker.root / "odd.py")).returncode == 0
    yield broker
    broker.close()


def on_a_terminal(broker: RunningBroker, *arguments: str) -> tuple[int, str]:
    """Exit status, and what a terminal gets of stdout and stderr."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([*FLUX, *arguments], env=broker.environment, stdin=subprocess.DEVNULL,
                          stdout=theirs, stderr=theirs) as process:  # fmt: skip
        os.close(theirs)
        parts = []
        try:
            while part := os.read(ours, 65536):
                parts.append(part)
        except OSError:  # EIO: everybody has closed the other end
            pass
        status = process.wait(60)
    os.close(ours)
    return status, b"".join(parts).decode(errors="surrogateescape")


COMMANDS = [
    ("config", "get"),
    ("config", "get", "odd.name"),
    ("config", "get", "nothing", f"--default={EVIL}"),
    ("config", "dump"),
    ("config", "dump", "--json"),
    ("config", "dump", "--toml"),
    ("config", "show", "3"),
    ("config", "show", "--json", "3"),
    ("config", "diff", "1", "3"),
    ("config", "diff", "--json", "1", "3"),
    ("config", "history"),
    ("config", "status"),
    ("getattr", "test.note"),
    ("lsattr", "-v"),
    ("module", "config", "get", "odd"),
    ("module", "config", "get", "odd", "name"),
    ("module", "config", "get", "--json", "odd"),
    ("modinfo", "odd"),
    ("modinfo", "--toml", "odd"),
    ("modinfo", "--json", "odd"),
    ("dmesg", "--color=never"),
    ("dmesg", "-H", "-Lnever"),
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_terminal_is_shown_no_control_characters(
    broker: RunningBroker, arguments: tuple[str, ...]
) -> None:
    arguments = tuple(str(broker.root / "odd.py") if word == "odd" and arguments[0] == "modinfo"
                      else word for word in arguments)  # fmt: skip
    status, shown = on_a_terminal(broker, *arguments)
    assert status == 0, shown
    assert [character for character in DANGEROUS if character in shown] == []
    assert shown.strip()


def test_colours_on_a_terminal_are_ours_alone(broker: RunningBroker) -> None:
    status, shown = on_a_terminal(broker, "dmesg")
    assert status == 0, shown
    assert "\x1b[33mbroker." in shown
    plain = re.sub(r"\x1b\[(0|1|31|32|33|34)m", "", shown)
    assert [character for character in DANGEROUS if character in plain] == []


def test_an_error_is_shown_none_either(broker: RunningBroker) -> None:
    status, shown = on_a_terminal(broker, "getattr", EVIL)
    assert status == 1
    assert [character for character in DANGEROUS if character in shown] == []
    assert "no such attribute" in shown


def test_into_a_pipe_values_go_as_they_are(broker: RunningBroker) -> None:
    assert broker.good("get", "odd.name") == EVIL + "\n"
    assert broker.flux("getattr", "test.note").stdout == EVIL + "\n"
    assert RLO in broker.good("dump")


def test_what_is_printed_of_other_scripts_stays(broker: RunningBroker) -> None:
    broker.good("set", "--type=string", "plain.script", "žluťoučký 漢字 עברית")
    assert "žluťoučký 漢字 עברית" in on_a_terminal(broker, "config", "get", "plain.script")[1]


def test_two_hundred_mistakes_are_summed_up_for_people_alone(
    broker: RunningBroker, tmp_path: Path
) -> None:
    file = tmp_path / "many.toml"
    file.write_text("".join(f"[queues.q{number}]\nrequirez = []\n" for number in range(200)))
    _, said = on_a_terminal(broker, "config", "validate", str(file))
    assert said.count("queues.") < 5
    assert "job-manager, job-ingest: queues.q0.requirez: unknown key" in said
    assert "196 times more" in said
    assert broker.config("validate", str(file)).stderr.count("requirez") == 400, "two modules mind"
