# SPDX-License-Identifier: LGPL-3.0-or-later
"""Timestamps and colours of `flux dmesg` and `flux module trace`, as Flux prints them."""

import argparse
import io
import time

import pytest

from cli.client import Trouble
from cli.output.colour import Painter
from cli.output.moments import Timestamps

PLAIN = Painter("never", io.StringIO())
AT = 1795666587.051955


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def moments(human: bool = False, delta: bool = False) -> Timestamps:
    """As the options say."""
    return Timestamps(argparse.Namespace(human=human, delta=delta))


def test_exact_and_short() -> None:
    assert moments().exact(AT, PLAIN) == "2026-11-26T04:16:27.051955Z"
    assert moments().short(AT, PLAIN) == "2026-11-26T04:16:27.051"


def test_the_offset_of_local_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XXX-5:30")
    time.tzset()
    assert moments().exact(AT, PLAIN) == "2026-11-26T09:46:27.051955+05:30"


@pytest.mark.parametrize(("delta", "third"), [(False, "[  +0.000673]"), (True, "[  +0.000504]")])
def test_for_people(delta: bool, third: str) -> None:
    """The lines are those of a real `flux dmesg -H`."""
    shown = moments(human=True, delta=delta)
    told = [shown.exact(AT + more, PLAIN) for more in (0, 0.000169, 0.000673, 60)]
    assert told == ["[Nov26 04:16]", "[  +0.000169]", third, "[Nov26 04:17]"]


def test_delta_needs_human() -> None:
    with pytest.raises(Trouble, match="--delta can only be used with --human"):
        moments(delta=True)


def test_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert Painter("always", io.StringIO())("err", "x") == "\x1b[31mx\x1b[0m"
    assert Painter("auto", io.StringIO())("err", "x") == "x"
    assert Painter("always", io.StringIO())("info", "x") == "x"
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Painter("auto", Terminal())("time", "x") == "\x1b[32mx\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Painter("auto", Terminal())("time", "x") == "x"
