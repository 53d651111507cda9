# SPDX-License-Identifier: LGPL-3.0-or-later
"""What every bundled module says of itself is true, and the module accepts it."""

import json
import tomllib
from typing import Any

import pytest

from participant.describe import describe, description
from participant.loader import load
from participant.module import Module
from participant.modules import BUNDLED
from participant.settings.example import example
from participant.settings.layers import Tables
from participant.settings.parameters import (
    Parameter,
    constraints_in_words,
    parameters,
    type_in_words,
)
from participant.settings.toml_text import toml_key, toml_value
from participant.testing import Trial
from protocol import limits
from protocol.configuration import Configuration
from protocol.reasons import Refusal

WRONG: dict[str, Any] = {
    "string": 7,
    "path": 7,
    "duration": "soon",
    "size": "big",
    "hostlist": "a[",
    "idset": "x",
    "boolean": "yes",
    "integer": "many",
    "number": "much",
    "table": 7,
}
"""For each type in words, a value that is none."""

IDLE_MODULES = {"sdbus", "sdexec"}
IDLE_TABLES = ("perilog.", "prolog.", "epilog.")
"""What is judged only while something else is enabled."""

ANY_AS_TEXT = {"sched-fluxion-resource", "sched-fluxion-feasibility", "sched-fluxion-qmanager"}
"""Modules that take any value as text; what they then find odd is a warning."""

ABSENT_TABLES = ("housekeeping.", "prolog.", "epilog.", "bootstrap.", "fake-resources.", "roles.")
"""What is absent by default, so that one of its keys brings all of them."""


def settings(module: type[Module], elements: bool = False) -> list[Parameter]:
    return list(parameters(module.schema(), module.owned(), elements))


def toml_of(module: type[Module]) -> str:
    told = json.loads(describe(module))  # as it comes out of the wire
    tables = Tables(tuple(told["tables"]), told["single"])
    return example(told["schema"], tables, told["purpose"])


@pytest.mark.parametrize("name", BUNDLED)
def test_the_example_is_accepted_and_changes_nothing(name: str) -> None:
    module = load(name)
    tree = tomllib.loads(toml_of(module))
    without, with_it = module(), module()
    for one, config in ((without, {}), (with_it, tree)):
        staged = one.judge(Configuration.of(config))
        assert not isinstance(staged, Refusal), staged
        one.take(staged)
    assert with_it.config.model_dump() == without.config.model_dump()


@pytest.mark.parametrize("name", BUNDLED)
def test_the_example_tells_every_setting(name: str) -> None:
    text = toml_of(load(name))
    lines = {line.removeprefix("# ") for line in text.splitlines()}
    for setting in settings(load(name)):
        key = toml_key(str(setting.path[-1]))
        starts = tuple(line for line in lines if line.startswith(f"{key} ="))
        table = f"[{setting.name}]"
        assert starts or table in lines or f"[{table}]" in lines, setting.name


@pytest.mark.parametrize("name", BUNDLED)
def test_a_setting_says_its_type_and_constraints(name: str) -> None:
    """A value of another type is refused, unless the module takes anything or judges it later."""
    module = load(name)
    for setting in settings(module):
        kind = type_in_words(module.schema(), setting.node)
        assert setting.description, setting.name
        if " or " in kind or kind == "anything" or (kind == "string" and name in ANY_AS_TEXT):
            continue
        wrong = WRONG["string" if kind.startswith("array") else kind]
        tree = wrong
        for step in reversed((*module.owned().where, *setting.path)):
            tree = {step: tree}
        refused = isinstance(module().judge(Configuration.of(tree)), Refusal)
        assert refused or name in IDLE_MODULES or setting.name.startswith(IDLE_TABLES), setting.name


def test_bounds_are_told() -> None:
    module = load("heartbeat")
    told = {
        setting.name: constraints_in_words(module.schema(), setting.node)
        for setting in settings(module)
    }
    assert told == {"period": "more than 0", "timeout": "", "warn_thresh": "at least 1"}
    module = load("job-exec")
    (method,) = (setting for setting in settings(module) if setting.name == "method")
    assert constraints_in_words(module.schema(), method.node) == "one of bulk-exec, bgexec"


def test_defaults_are_told_wherever_they_come_from() -> None:
    told = {setting.name: setting.default for setting in settings(load("job-ingest"))}
    assert told["frobnicator.plugins"] == ["defaults", "constraints"]
    assert (told["queues"], told["buffer-size"], told["policy.scheduler"]) == ({}, "10M", None)


def test_elements_are_told_and_not_set() -> None:
    module = load("resource")
    found = {setting.name: setting for setting in settings(module, elements=True)}
    assert found["config[].hosts"].required
    assert found["config[].hosts"].variable("resource") == ""
    assert "queues.NAME.parent" in {setting.name for setting in settings(load("job-manager"), True)}


def test_what_takes_effect_at_load_says_so() -> None:
    restart = {
        setting.name for name in BUNDLED for setting in settings(load(name)) if setting.restart
    }
    assert {"max_checkpoints", "topo", "plugins", "enable", "bootstrap.hosts"} <= restart
    assert not {"period", "torpid_min", "queues", "inactive-num-limit"} & restart


def test_every_variable_has_one_meaning() -> None:
    variables = [setting.variable(name) for name in BUNDLED for setting in settings(load(name))]
    assert len(variables) == len(set(variables)) > 100


@pytest.mark.parametrize("name", BUNDLED)
def test_environment_and_arguments_reach_every_setting(name: str) -> None:
    """The default, given as text, is the default again, in force from where it was given."""
    module = load(name)
    defaults = Trial(module).config.model_dump()
    for setting in settings(module):
        if setting.default is None or setting.name.startswith(ABSENT_TABLES):
            continue
        text = setting.default if isinstance(setting.default, str) else toml_value(setting.default)
        for trial in (
            Trial(module, environment={setting.variable(name): text}),
            Trial(module, arguments=[f"{setting.name}={text}"]),
        ):
            assert trial.origin(setting.name) != "default", setting.name
            assert trial.config.model_dump() == defaults


def test_descriptions_fit() -> None:
    for name in BUNDLED:
        text = describe(load(name))
        assert 2 < len(text) <= limits.DESCRIPTION_BYTES
        assert json.loads(text) == json.loads(json.dumps(description(load(name)), default=str))
