# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config merge` and `edit`: several keys in one change, and no typed text is lost."""

import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.broker import RunningBroker
from tests.support.client_calls import FLUX
from tests.support.patience import PATIENCE

MODULE = """\
from participant import Field, Module
class Pump(Module):
    table = "pump"
    class Config(Module.Config):
        pace: int = Field(1, ge=1)
        name: str = "p"
"""
TEXT = "[pump]\npace = 2\nname = 'a'\n[other]\nx = 1\ny = [1]\n"


@pytest.fixture(scope="module")
def served() -> Iterator[RunningBroker]:
    broker = RunningBroker(TEXT).start()
    (broker.root / "pump.py").write_text(MODULE)
    assert broker.flux("module", "load", str(broker.root / "pump.py")).returncode == 0
    yield broker
    broker.close()


@pytest.fixture
def broker(served: RunningBroker) -> RunningBroker:
    served.good("reload", "-q")
    return served


def test_several_keys_are_one_change(broker: RunningBroker, tmp_path: Path) -> None:
    before = broker.generation
    patch = '{"pump": {"pace": 3, "name": null}, "other": {"x": 5, "new": {"z": true}}}'
    assert "committed" in broker.good("merge", "-", "-m", "why", input=patch)
    assert broker.generation == before + 1
    assert broker.json("get") == {
        "other": {"new": {"z": True}, "x": 5, "y": [1]}, "pump": {"pace": 3}
    }  # fmt: skip
    (last, *_) = broker.json("history", "--json")["history"]
    assert (last["verb"], last["message"]) == ("merge", "why")
    assert last["who"]["command"] == "flux config merge -"
    assert "unchanged" in broker.good("merge", "-", input=patch)

    toml = tmp_path / "tuned.toml"
    toml.write_text("[pump]\npace = 7\n[other.new]\nw = 2\n")
    assert "valid" in broker.good("merge", "--dry-run", str(toml))
    outcome = json.loads(broker.good("merge", "--json", "--confirm=1h", str(toml)))
    assert (outcome["result"], outcome["confirm"]) == ("committed", 3600)
    assert broker.json("get", "other.new") == {"w": 2, "z": True}
    broker.good("confirm")


def test_a_refusal_has_the_place_in_the_text(broker: RunningBroker, tmp_path: Path) -> None:
    toml = tmp_path / "bad.toml"
    toml.write_text("[other]\nx = 9\n[pump]\npace = 0\n")
    said = broker.refused("merge", str(toml))
    assert f"pump: pump.pace: must be 1 or more, not 0 ({toml}:4:1)" in said
    assert "nothing changed" in said
    assert broker.json("get", "other.x") == 1
    big = json.dumps({"filler": "x" * 100_000, "pump": {"pace": 0}})
    assert "must be 1 or more, not 0 (<stdin>:1:" in broker.refused("merge", "-", input=big)
    assert "committed" in broker.good("merge", "-", input=big.replace("0}", "4}"))
    late = broker.refused("merge", "--if-generation=1", str(toml))
    assert "someone was faster" in late


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("[pump", "<stdin>:1:6"),
        ('{"a": [null]}', "a[0]: null is not allowed"),
        ("{", "<stdin>:1:2"),
    ],
)
def test_what_is_no_patch(broker: RunningBroker, given: str, said: str) -> None:
    assert said in broker.refused("merge", "-", input=given)


def test_files_that_are_none(broker: RunningBroker, tmp_path: Path) -> None:
    assert "is a directory; give a file" in broker.refused("merge", str(tmp_path))
    assert "No such file" in broker.refused("merge", str(tmp_path / "nothing.toml"))
    assert broker.config("merge").returncode == 2


def test_merges_at_the_same_time_add_up(broker: RunningBroker) -> None:
    texts = [json.dumps({"many": {f"k{number}": number}}) for number in range(8)]
    running = []
    for text in texts:
        process = subprocess.Popen([*FLUX, "config", "merge", "-"], env=broker.environment,
                                   text=True, stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL)  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(text)
        process.stdin.close()
        running.append(process)
    assert [process.wait(PATIENCE) for process in running] == [0] * 8
    assert broker.json("get", "many") == {f"k{number}": number for number in range(8)}


# In an editor


@pytest.fixture(autouse=True)
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def edit(
    broker: RunningBroker, editor: str, *arguments: str, visual: str = ""
) -> "subprocess.CompletedProcess[str]":
    environment = {**broker.environment, "EDITOR": editor, "VISUAL": visual,
                   "TMPDIR": os.environ["TMPDIR"]}  # fmt: skip
    return broker.config("edit", *arguments, env=environment)


def left() -> list[Path]:
    return list(Path(os.environ["TMPDIR"]).glob("flux-config-*"))


def kept(said: str) -> Path:
    """The one file that is left, which the last line names."""
    found = re.search(r"the text is kept in (\S+)\n\Z", said)
    assert found, said
    assert list(map(str, left())) == [found[1]]
    assert Path(found[1]).stat().st_mode & 0o077 == 0
    return Path(found[1])


def test_an_edit(broker: RunningBroker) -> None:
    before = broker.generation
    done = edit(broker, "sed -i s/^pace.*/pace=9/", "-m", "by hand")
    assert (done.returncode, done.stderr) == (0, "")
    assert "committed" in done.stdout
    assert broker.json("get", "pump.pace") == 9
    (last, *_) = broker.json("history", "--json")["history"]
    assert (last["who"]["command"], last["message"]) == ("flux config edit", "by hand")
    assert not left()
    for nothing in ("true", "touch", "sed -i s/pace/pace/"):
        done = edit(broker, "false", visual=nothing)
        assert (done.returncode, done.stdout) == (0, "unchanged: the text is as it was\n")
    assert broker.generation == before + 1
    assert not left()


@pytest.mark.parametrize(
    ("editor", "said"),
    [
        ("sed -i s/^pace.*/pace=0/", "pump.pace: must be 1 or more, not 0 ({path}:12:1)"),
        ("sed -i s/^pace.*/pace=/", "{path}:12:6"),
        ("sed -i s/^pace.*/pace=3/ $1; exit 7; :", "the editor (sed) failed with status 7"),
        ("sed -i s/^pace.*/pace=3/ $1; kill -9 $$; :", "was ended by signal 9"),
    ],
)
def test_what_was_typed_is_kept(broker: RunningBroker, editor: str, said: str) -> None:
    before = broker.generation
    done = edit(broker, editor)
    assert done.returncode == 1
    path = kept(done.stderr)
    assert said.format(path=path) in done.stderr
    assert broker.generation == before


def test_an_editor_that_fails_and_has_written_nothing(broker: RunningBroker) -> None:
    for editor in ("false", "/nonexistent/editor", '"'):
        done = edit(broker, editor)
        assert done.returncode == 1
        assert "nothing was sent" in done.stderr
        assert "Traceback" not in done.stderr
        assert "kept" not in done.stderr
    assert not left()


def test_an_editor_that_leaves_a_directory(broker: RunningBroker) -> None:
    done = edit(broker, "f() { rm $1; mkdir $1; }; f", "--json")
    assert json.loads(done.stdout)["status"] == done.returncode == 1
    assert "has left a directory" in done.stderr
    for path in left():
        path.rmdir()


def test_someone_was_faster(broker: RunningBroker) -> None:
    flux = " ".join(FLUX)
    done = edit(broker, f"sed -i s/^pace.*/pace=5/ $1; {flux} config set -q other.x 8; :")
    assert done.returncode == 1
    assert "someone was faster" in done.stderr
    path = kept(done.stderr)
    assert "pace=5" in path.read_text()
    assert broker.json("get", "other.x") == 8
    assert broker.json("get", "pump.pace") == 2
    done = edit(broker, "true", "--if-generation=1")
    assert "someone was faster" in done.stderr


def test_a_dry_run_keeps_the_text(broker: RunningBroker) -> None:
    done = edit(broker, "sed -i s/^pace.*/pace=5/", "--dry-run")
    assert done.returncode == 0
    assert "valid" in done.stdout
    kept(done.stderr)


def test_what_toml_cannot_say_is_edited_as_json(broker: RunningBroker) -> None:
    broker.good("merge", "-", input='{"other": {"y": [1, "a", 1.5], "z": "\\u001b"}}')
    done = edit(broker, "sed -i s/1.5/2.5/")
    assert done.returncode == 0, done.stderr
    assert broker.json("get", "other.y") == [1, "a", 2.5]
    broker.good("merge", "-", input='{"other": {"y": null}}')
    done = edit(broker, "sed -i s/^pace.*/pace=5/")
    assert done.returncode == 0, done.stderr


def test_no_editor_and_no_terminal(broker: RunningBroker) -> None:
    assert "there is no terminal for an editor" in edit(broker, "").stderr


def test_on_a_terminal_it_can_be_mended(broker: RunningBroker, tmp_path: Path) -> None:
    script = tmp_path / "editor"
    script.write_text("#!/bin/sh\nif [ -e $0.again ]; then sed -i 's/^pace.*/pace=6/' $1; "
                      "else touch $0.again; sed -i 's/^pace.*/pace=/' $1; fi\n")  # fmt: skip
    script.chmod(0o755)
    ours, theirs = pty.openpty()
    environment = {**broker.environment, "EDITOR": str(script)}
    with subprocess.Popen([*FLUX, "config", "edit"], env=environment, stdin=theirs, stdout=theirs,
                          stderr=theirs) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        while b"[Y/n]" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, b"\n")
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # EIO: everybody has closed the other end
            pass
        assert process.wait(PATIENCE) == 0, shown
    os.close(ours)
    assert broker.json("get", "pump.pace") == 6
