# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every bundled module: right values and what it makes of them, wrong ones with key and message."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from participant.loader import load
from participant.module import AT_A_START, Module
from participant.modules import BUNDLED
from protocol.configuration import EMPTY, Configuration
from protocol.keys import format_key
from protocol.reasons import Refusal

CASES = tomllib.loads((Path(__file__).parent / "data" / "bundled-cases.toml").read_text())


def create(name: str, host: str = "node0") -> Module:
    module: Module = type(name, (load(name),), {"name": name, "host_name": lambda _: host})()
    return module


def refused(module: Module, toml: str) -> list[tuple[str, str]]:
    """The keys and messages of all reasons against a configuration; empty if it is accepted."""
    found = module.judge(Configuration.of(tomllib.loads(toml)))
    if not isinstance(found, Refusal):
        return []
    assert {reason.module for reason in found.reasons} == {module.title()}
    return [(format_key(reason.key), reason.message) for reason in found.reasons]


def warned(module: Module) -> list[tuple[str, str]]:
    """The keys and messages of what the module warned of when it was asked last."""
    return [(format_key(reason.key), reason.message) for reason in module.warnings]


def running(name: str, toml: str = "") -> Module:
    """A module that was started with this configuration."""
    module = create(name)
    found = module.judge(Configuration.of(tomllib.loads(toml)))
    assert not isinstance(found, Refusal), found
    module.take(found)
    module.run()
    return module


def cases(kind: str) -> list[Any]:
    """The cases of a kind, each named after its module and first line."""
    return [
        pytest.param(case, id=f"{case['module']}: {case['toml'].partition(chr(10))[0]}")
        for case in CASES[kind]
    ]


@pytest.mark.parametrize("case", cases("live"))
def test_what_is_refused_live(case: Mapping[str, Any]) -> None:
    reasons = [tuple(reason) for reason in case["reasons"]]
    assert refused(running(case["module"]), case["toml"]) == reasons
    assert refused(create(case["module"]), case["toml"]) == reasons  # and at start


@pytest.mark.parametrize("case", cases("start"))
def test_what_is_refused_at_start(case: Mapping[str, Any]) -> None:
    reasons = [tuple(reason) for reason in case["reasons"]]
    assert refused(create(case["module"]), case["toml"]) == reasons
    assert refused(running(case["module"]), case["toml"]) == []


@pytest.mark.parametrize("case", cases("start"))
def test_what_only_a_start_refuses_is_told_when_it_is_committed(case: Mapping[str, Any]) -> None:
    """A change to it passes, and says what would happen: rule of docs/flux-compat.md."""
    module = running(case["module"])
    assert refused(module, case["toml"]) == []
    told = [(key, f"{AT_A_START}: {why}") for key, why in map(tuple, case["reasons"])]
    assert [warning for warning in warned(module) if warning[1].startswith(AT_A_START)] == told
    assert not module.starting


@pytest.mark.parametrize("case", cases("warned"))
def test_what_is_taken_otherwise_than_it_is_written_is_told(case: Mapping[str, Any]) -> None:
    warnings = [tuple(reason) for reason in case["warnings"]]
    for module in (running(case["module"]), create(case["module"])):
        assert refused(module, case["toml"]) == []
        assert warned(module) == warnings


@pytest.mark.parametrize("case", cases("right"))
def test_what_is_accepted(case: Mapping[str, Any]) -> None:
    stats = running(case["module"], case["toml"]).stats()
    assert {key: stats.get(key) for key in case["stats"]} == case["stats"]
    module = running(case["module"])
    assert (refused(module, case["toml"]), warned(module)) == ([], [])


def test_every_module_is_tried() -> None:
    assert {case["module"] for case in CASES["right"]} == set(BUNDLED)
    wrong = (*CASES["live"], *CASES["start"])
    assert {case["module"] for case in wrong} == set(BUNDLED)


def test_files_are_read(tmp_path: Path) -> None:
    r = {
        "version": 1,
        "execution": {
            "R_lite": [{"rank": "0-1,5", "children": {"core": "0-3", "gpu": "0"}}],
            "nodelist": ["a[0-1],z"],
        },
    }
    (tmp_path / "R").write_text(json.dumps(r))
    (tmp_path / "bad").write_text('{"version": 1}')
    module = running("resource", f'[resource]\npath = "{tmp_path}/R"\nexclude = "z"\n')
    shown = {"source": "path", "history": 7776000.0, "hosts": 3, "cores": 12, "gpus": 3}
    assert module.stats() == {**module.traffic, **shown}
    bad = f'[resource]\npath = "{tmp_path}/bad"\n'
    assert refused(module, bad) == []
    why = f"{tmp_path}/bad is not in format R: execution: Field required"
    assert refused(create("resource"), bad) == [("resource.path", why)]


def test_fake_resources_read_files(tmp_path: Path) -> None:
    (tmp_path / "topology.xml").write_text("<topology/>")
    (tmp_path / "amender.py").write_text("def amend(r, hwloc_xml=None): return r\n")
    (tmp_path / "empty.py").write_text("other = 1\n")
    (tmp_path / "broken.xml").write_text("<topology>")
    (tmp_path / "broken.py").write_text("def amend(\n")
    table = "[fake-resources]\nnnodes = 2\n"
    right = f'hwloc-xml-path = "{tmp_path}/topology.xml"\namend-r = "{tmp_path}/amender.py"\n'
    assert refused(create("resource"), table + right) == []
    assert refused(create("resource"), f'{table}amend-r = "json:loads"\n') == []
    wrong = f'hwloc-xml-path = "{tmp_path}/broken.xml"\namend-r = "{tmp_path}/empty.py"\n'
    assert refused(create("resource"), table + wrong) == [
        (
            "fake-resources.hwloc-xml-path",
            f"{tmp_path}/broken.xml is not an XML file: no element found: line 1, column 10",
        ),
        (
            "fake-resources.amend-r",
            f"names amend, which {tmp_path}/empty.py does not define",
        ),
    ]
    broken = refused(create("resource"), f'{table}amend-r = "{tmp_path}/broken.py"\n')
    assert broken[0][1].startswith(f"{tmp_path}/broken.py is not a Python file: ")


def test_systemd_counts_once_it_was_enabled_at_start() -> None:
    wrong = "[systemd]\nsdbus-debug = 1\n"
    assert refused(running("sdbus"), wrong) == []
    enabled = running("sdbus", '[systemd]\nenable = "x"\n')
    assert refused(enabled, wrong) == [("systemd.sdbus-debug", "must be a boolean, not an integer")]


def test_perilog_counts_while_it_is_loaded() -> None:
    wrong = "[job-manager]\nprolog.command = 1\n"
    assert refused(running("job-manager"), wrong) == []
    loaded = running("job-manager", '[job-manager]\nplugins = [{ load = "perilog.so" }]\n')
    assert refused(loaded, wrong) == [
        ("job-manager.prolog.command", "must be an array, not an integer")
    ]


def test_the_heart_beats_at_the_pace_in_force() -> None:
    module = running("heartbeat", '[heartbeat]\nperiod = "1s"\n')
    slow = module.judge(Configuration.of({"heartbeat": {"period": "2s"}}))
    assert not isinstance(slow, Refusal)
    module.take(slow)
    assert [(timer.seconds, timer.cancelled) for timer in module.timers] == [
        (1.0, True),
        (2.0, False),
    ]
    module.timers[1].call()
    assert module.stats()["count"] == 1
    same = module.judge(Configuration.of({"heartbeat": {"period": "2s", "warn_thresh": 9}}))
    assert not isinstance(same, Refusal)
    module.take(same)
    assert len(module.timers) == 2


def test_what_a_live_change_would_break_at_the_next_start_does_not_count_now() -> None:
    module = running("content-sqlite", "[content-sqlite]\nmax_checkpoints = 9\n")
    staged = module.judge(Configuration.of({"content-sqlite": {"max_checkpoints": 0}}))
    assert not isinstance(staged, Refusal)
    module.take(staged)
    assert module.stats()["max_checkpoints"] == 9


@pytest.mark.parametrize("name", BUNDLED)
def test_every_field_is_described(name: str) -> None:
    """`flux modinfo` shows the descriptions; whole tables are described by their docstrings."""
    module = load(name)
    assert module.title() == name
    assert module.purpose().endswith(".")
    for path, field in _fields(module.Config, ()):
        assert field.description or (module.tables and len(path) == 1), path
    json.dumps(module.Config.model_json_schema())


def _fields(
    model: type[BaseModel], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    for name, field in model.model_fields.items():
        yield (*path, name), field
        for inner in _models(field.annotation):
            yield from _fields(inner, (*path, name))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models(argument)


@pytest.mark.parametrize("name", BUNDLED)
def test_the_empty_configuration_always_passes(name: str) -> None:
    module = create(name)
    for _ in range(2):
        staged = module.judge(EMPTY)
        assert not isinstance(staged, Refusal)
        module.take(staged)
        assert not module.starting
    json.dumps(module.stats())
