# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config timeline`: real changes drawn; and the page as a real browser shows it."""

import json
import os
import re
import shutil
import signal
import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.output.timeline_page import page
from tests.support.broker import RunningBroker
from tests.support.client_calls import ROOT
from tests.support.patience import FAR, PATIENCE, until
from tests.support.schemas import conforms
from tests.support.timelines import EVIL, entry

SLOW = ROOT / "examples" / "modules" / "slow.py"


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    broker = RunningBroker()
    broker.start()
    assert broker.flux("module", "load", str(SLOW)).returncode == 0
    yield broker
    broker.close()


def timeline(broker: RunningBroker, *arguments: str) -> dict[str, Any]:
    """The only entry of what is printed."""
    (found,) = broker.json("timeline", "--json", *arguments)["timelines"]
    return dict(found)


def asked(broker: RunningBroker, message: str) -> dict[str, Any] | None:
    """The latest change, once it is the one with this message and members were asked."""
    found = timeline(broker)
    return found if found.get("message") == message and found["moments"]["members"] else None


def seconds_of(value: str) -> tuple[str, ...]:
    return "set", "--type=integer", "slow.seconds", value


def test_what_happens_is_drawn_while_it_does_and_afterwards(broker: RunningBroker) -> None:
    hanging = broker.begin("config", *seconds_of("1000"), "-m", "on and on", f"--timeout={FAR}")
    found = until(lambda: asked(broker, "on and on"), "it is in progress")
    assert (found["result"], found["verb"], found["base"]) == ("undecided", "set", 1)
    (awaited,) = found["moments"]["members"]
    assert (awaited["name"], "vote" in awaited) == ("slow", False)
    assert re.search(r"^slow +\|-+\| no answer yet, ", broker.good("timeline"), re.MULTILINE)
    os.kill(broker.pid("slow"), signal.SIGKILL)
    assert hanging.wait(PATIENCE) == 1
    hanging.communicate()
    (lost,) = timeline(broker, found["txid"])["moments"]["members"]
    assert (lost["vote"], lost["why"]) == ("lost", "its process ended: killed by SIGKILL")
    whole = broker.good("timeline", found["txid"])
    assert "refused; generation 1 stayed in force" in whole
    assert "slow: died (killed by SIGKILL) while it was asked" in whole


def test_every_kind_of_change_has_its_picture(broker: RunningBroker) -> None:
    broker.wait_for("slow", "running")
    broker.good(*seconds_of("0"), "-m", "the <b>first</b>", f"--timeout={FAR}")
    number = broker.generation
    found = timeline(broker, str(number))
    assert (found["result"], found["message"]) == ("committed", "the <b>first</b>")
    assert found["changes"] == [{"key": "slow.seconds", "new": 0}]
    (member,) = found["moments"]["members"]
    assert (member["vote"], member["ok"]) == ("yes", True)
    assert member["voted"] <= found["moments"]["force"] <= found["moments"]["forced"]
    broker.good(*seconds_of("1"), "--dry-run", f"--timeout={FAR}")
    assert (timeline(broker)["result"], timeline(broker)["moments"]["dry_run"]) == ("valid", True)
    broker.good(*seconds_of("0"), f"--timeout={FAR}")
    assert timeline(broker)["result"] == "unchanged"
    broker.good(*seconds_of("1"), "--confirm=0.1s", f"--timeout={FAR}")
    until(lambda: broker.generation == number + 2, "it is undone")
    undone = timeline(broker, str(number + 1))
    assert (undone["undone_by"], undone["undone_why"]) == (number + 2, "nobody confirmed it")
    until(lambda: timeline(broker)["verb"] == "undo", "that is a change, too")
    assert [entry["result"] for entry in broker.json("timeline", "--json", "-n4")["timelines"]] == [
        "committed", "committed", "unchanged", "valid"]  # fmt: skip


def test_what_is_no_change_is_refused_in_words(broker: RunningBroker) -> None:
    assert "generation 999 is not kept" in broker.refused("timeline", "999")
    assert "9.9.abc: no such change is kept" in broker.refused("timeline", "9.9.abc")
    for wrong in (["yesterday"], ["-1"], ["-n0"], ["-n101"], ["1", "2"]):
        assert broker.config("timeline", *wrong).returncode == 2
    missing = broker.root / "none" / "page.html"
    assert "was not written" in broker.refused("timeline", f"--html={missing}")


def test_pictures_outlive_the_broker(broker: RunningBroker) -> None:
    last = broker.generation
    before = timeline(broker, str(last))
    refused = next(found for found in broker.json("timeline", "--json", "-n20")["timelines"]
                   if found["result"] == "refused")  # fmt: skip
    assert broker.end() == 0
    broker.start()
    assert timeline(broker, str(last)) == before
    assert timeline(broker, refused["txid"])["moments"] == refused["moments"]
    place = broker.root / "page.html"
    broker.good("timeline", "--html", str(place), str(last - 1))
    text = place.read_text()
    assert text.startswith("<!DOCTYPE html>")
    for words in ("undone by generation", "&lt;b&gt;first&lt;/b&gt;", "Who was slow", "killed by"):
        assert words in text
    (shown,) = re.findall(r'<details class="change" open>(.*?)</details>', text, re.DOTALL)
    assert f"generation {last - 1}, committed; undone" in shown


# In a browser

_BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)  # fmt: skip
_SCHEMES = {"dark": 0, "light": 1}
"""By Chromium's own number (blink::mojom::PreferredColorScheme)."""


@pytest.mark.skipif(_BROWSER is None, reason="no Chromium here")
def test_a_browser_shows_it_light_and_dark_and_has_nothing_to_complain_of(tmp_path: Path) -> None:
    place = tmp_path / "page.html"
    changes = [entry(result, EVIL) for result in ("refused", "committed", "partial")]
    place.write_text(page(changes, 1795671800.0))
    corners = {scheme: corner(place, tmp_path / scheme, scheme) for scheme in _SCHEMES}
    assert min(corners["light"]) > 200
    assert max(corners["dark"]) < 60


def corner(place: Path, directory: Path, scheme: str) -> tuple[int, ...]:
    """Red, green and blue of the first pixel of a screenshot."""
    directory.mkdir()
    shot = directory / "page.png"
    done = subprocess.run(
        [str(_BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--enable-logging=stderr", f"--user-data-dir={directory}", "--window-size=1200,1600",
         f"--blink-settings=preferredColorScheme={_SCHEMES[scheme]}", f"--screenshot={shot}",
         place.as_uri()],
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "CONSOLE" not in done.stderr, "it refused something, or ran something"
    data = shot.read_bytes()
    assert struct.unpack(">II", data[16:24]) == (1200, 1600)
    # PNG (RFC 2083): of the first pixel every filter is the identity, after the filter's number
    parts, at = b"", 8
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            parts += data[at + 8 : at + 8 + size]
        at += size + 12
    return tuple(zlib.decompress(parts)[1:4])


def test_the_document_has_what_the_page_says(broker: RunningBroker) -> None:
    """What docs/json.md lists, and no more."""
    text = (ROOT / "docs" / "json.md").read_text()
    sections = dict(re.findall(r"^##+ (\w+)$(.*?)(?=^##+ |\Z)", text, re.MULTILINE | re.DOTALL))
    fields = {name: re.findall(r"^\| (\*?)`(\w+)`\*? \|", section, re.MULTILINE)
              for name, section in sections.items()}  # fmt: skip
    entries = {name for part in ("entry", "timeline") for _, name in fields[part]}
    moments = {name for _, name in fields["moments"]}
    always = {name for mark, name in fields["moments"] if not mark}
    found = json.loads(broker.good("timeline", "--json", "-n100"))
    conforms("timeline", found)
    assert set(found) == {"version", "result", "timelines"}
    for change in found["timelines"]:
        assert set(change) <= entries
        assert always <= set(change["moments"]) <= moments
        for member in change["moments"]["members"]:
            assert all(f"`{name}`" in sections["moments"] for name in member)
