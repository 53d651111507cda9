# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module of ours in a real broker: it votes, commits and aborts, and never ends the broker."""

import errno
import os
import re
import site
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fluxcore.instance import Instance
from tests.support.client_calls import ROOT
from tests.support.patience import PATIENCE, until

PAGE = ROOT / "docs" / "fluxcore.md"
PUMP = Path(__file__).with_name("pump.py")


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    """Flux's Python loads the module; PYTHONPATH tells it where ours is."""
    made = Instance(1).configured({"pump": {"strokes": 5}})
    made.environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *site.getsitepackages()])
    with made as instance:
        yield instance


@pytest.fixture
def pump(instance: Instance) -> Iterator[Instance]:
    instance.load_module(PUMP, "pace=20s")
    yield instance
    assert instance.flux("module", "remove", "pump").status == 0
    assert instance.process.poll() is None


def call(instance: Instance, topic: str, payload: Any = None) -> Any:
    """The answer of the only broker.  Raises OSError."""
    return instance.handle(0).call(topic, payload, 0, PATIENCE)


def prepare(instance: Instance, dry_run: bool = False, **pump: Any) -> Any:
    body = {"txid": "t1", "config": {"pump": pump}, "dry-run": dry_run}
    return call(instance, "pump.config-prepare", body)


def refusal(instance: Instance, topic: str, payload: Any = None) -> tuple[int, list[str]]:
    try:
        answer = call(instance, topic, payload)
    except OSError as refused:
        return refused.errno or 0, str(refused.strerror).splitlines()
    raise AssertionError(f"{topic} was not refused: {answer}")


def diary(instance: Instance) -> list[list[Any]]:
    told: list[list[Any]] = call(instance, "pump.diary")["diary"]
    return told


def test_it_starts_with_what_is_in_force(pump: Instance) -> None:
    assert diary(pump) == [["prepare", 5], ["commit", 5]]


def test_prepare_then_commit(pump: Instance) -> None:
    assert prepare(pump, strokes=7) == {}
    assert call(pump, "pump.diary")["strokes"] == 5
    call(pump, "pump.config-reload", {"pump": {"strokes": 7}})
    assert call(pump, "pump.diary")["strokes"] == 7
    assert diary(pump)[2:] == [["prepare", 7], ["commit", 7]]


def test_prepare_then_abort(pump: Instance) -> None:
    prepare(pump, strokes=7)
    call(pump, "pump.config-abort", {"txid": "t1"})
    assert diary(pump)[2:] == [["prepare", 7], ["abort", 7]]
    assert call(pump, "pump.diary")["strokes"] == 5


def test_a_dry_run(pump: Instance) -> None:
    assert prepare(pump, dry_run=True, strokes=60) == {"warnings": ["pump.strokes: are many"]}
    assert diary(pump)[2:] == [["prepare", 60], ["abort", 60]]


def test_every_reason_is_a_line_of_the_error(pump: Instance) -> None:
    body = {"txid": "t", "config": {"pump": {"strokes": "x", "size": 3}}, "dry-run": False}
    number, lines = refusal(pump, "pump.config-prepare", body)
    assert number == errno.EINVAL
    assert sorted(lines) == [
        "pump.size: unknown key",
        "pump.strokes: must be an integer, not a string",
    ]


def test_the_real_flux_config_load_gets_its_reasons(pump: Instance) -> None:
    """Where there is no agent, a change is refused as by any module, and its text is ours."""
    done = pump.load({"pump": {"strokes": 0}})
    assert done.status == 1
    assert "pump.strokes: must be 1 or more, not 0" in done.text
    assert pump.load({"pump": {"strokes": 9}}).status == 0
    assert call(pump, "pump.diary")["strokes"] == 9
    assert pump.load({"pump": {"strokes": 5}}).status == 0


def test_no_exception_of_its_author_ends_the_broker(pump: Instance) -> None:
    broken = {"txid": "t", "config": {"pump": {"strokes": 66}}, "dry-run": False}
    assert refusal(pump, "pump.config-prepare", broken) == (
        errno.EINVAL,
        ["prepare raised RuntimeError: a fault of its author's"],
    )
    assert refusal(pump, "pump.config-reload", {"pump": {"strokes": 44}}) == (
        errno.EINVAL,
        ["commit raised RuntimeError: the pipe burst"],
    )
    assert refusal(pump, "pump.stumble")[1] == ["stumble raised ZeroDivisionError: oops"]
    for topic in ("pump.config-prepare", "pump.config-reload"):
        assert refusal(pump, topic)[0] == errno.EINVAL
    call(pump, "pump.config-abort")
    call(pump, "pump.config-reload", {"pump": {"strokes": 5}})
    assert call(pump, "pump.diary")["strokes"] == 5


def test_timers_ring_on_although_some_fail(pump: Instance) -> None:
    until(lambda: call(pump, "pump.diary")["beats"] > 10, "ten beats")


def test_one_that_refuses_what_is_in_force_is_not_loaded(instance: Instance) -> None:
    done = instance.flux("module", "load", str(PUMP), "strokes=0")
    assert done.status != 0
    assert "must be 1 or more, not 0" in instance.log_text() + done.text
    assert "Traceback" not in instance.log_text()
    assert instance.process.poll() is None


def test_the_module_of_the_page(instance: Instance, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    file = tmp_path / "pump.py"
    file.write_text(code)
    instance.load_module(file, "strokes=20")
    body = {"txid": "t", "config": {"pump": {"pace": "500ms"}}, "dry-run": True}
    assert refusal(instance, "pump.config-prepare", body) == (
        errno.EINVAL,
        ["pump.strokes: so many so often would break it (load argument)"],
    )
    assert instance.flux("module", "remove", "pump").status == 0
