# SPDX-License-Identifier: LGPL-3.0-or-later
"""Default < file < environment < load arguments < runtime: one result, judged and committed."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import pytest
from pydantic import Field as PydanticField
from pydantic import ValidationError

from participant import FSD, ByteSize, Field, Hostlist, IdSet, Module, PathText, Reject
from participant.settings.argument_text import value_of
from participant.settings.layers import Tables, from_environment, variable
from participant.settings.model import LAX, Settings
from participant.settings.types import at_least
from participant.testing import SET, Prepared, Refused, Trial
from protocol import limits
from protocol.keys import format_key

ORDER = ("default", "configuration", "environment variable FLUX_PUMP_PACE", "load argument", SET)


class Inner(Settings):
    """A table in the table."""

    depth: int = Field(1, description="how deep")
    names: list[str] = Field(default_factory=list, description="some names")


class Pump(Module):
    """Moves water."""

    table = "pump"

    class Config(Module.Config):
        pace: FSD = Field("1s", description="time between strokes")
        strokes: int = Field(3, description="strokes", ge=1)
        label: str = Field("p", description="what is painted on it")
        share: float = Field(0.5, description="a part")
        on: bool = Field(True, description="whether it runs")
        any_thing: Any = Field(None, description="never looked at")
        port: int = Field(80, description="where it listens", restart=True)
        inner: Inner = Field(default_factory=Inner, description="more")
        rooms: dict[str, Inner] = Field(default_factory=dict, description="by name")

    config: Config

    def __init__(self, arguments: Mapping[str, str] | None = None) -> None:
        super().__init__(arguments)
        self.said: list[str] = []

    def prepare(self, new: Config, config: Mapping[str, Any]) -> str:
        if new.strokes > 10 and new.pace < 1:
            raise Reject("too much at once", key="strokes")
        if config.get("ban", {}).get("label") == new.label:
            raise Reject("is banned", key="label")
        self.said.append(f"prepare {new.pace:g}")
        return f"{new.pace:g}"

    def commit(self, staged: str) -> None:
        assert staged == f"{self.config.pace:g}"
        self.said.append(f"commit {staged}")

    def abort(self, staged: str) -> None:
        self.said.append(f"abort {staged}")


@pytest.mark.parametrize("levels", range(5))
def test_the_later_level_wins(levels: int) -> None:
    trial = Trial(
        Pump,
        "[pump]\npace = '2s'" if levels > 0 else "",
        environment={"FLUX_PUMP_PACE": "3s"} if levels > 1 else {},
        arguments=["pace=4s"] if levels > 2 else [],
    )
    if levels > 3:
        trial.set("pace=5s")
    assert trial.config.pace == levels + 1
    assert trial.origin("pace") == ORDER[levels]


def test_set_and_unset_go_through_prepare_and_commit() -> None:
    trial = Trial(Pump, "[pump]\nstrokes = 7")
    trial.set("pace=2s", "inner.depth=4")
    assert (trial.config.pace, trial.config.inner.depth, trial.config.strokes) == (2, 4, 7)
    trial.unset("pace")
    assert (trial.config.pace, trial.config.inner.depth) == (1, 4)
    assert trial.module.said == [
        f"{verb} {pace}" for pace in ("1", "2", "1") for verb in ("prepare", "commit")
    ]


def test_a_reload_is_judged_with_the_runtime_values() -> None:
    trial = Trial(Pump)
    trial.set("pace=100ms")
    with pytest.raises(Refused) as refused:
        trial.change("[pump]\nstrokes = 11")
    assert [format_key(reason.key) for reason in refused.value.reasons] == ["pump.strokes"]
    assert trial.config.strokes == 3
    trial.unset("pace")
    trial.change("[pump]\nstrokes = 11")
    with pytest.raises(Refused, match="too much at once"):
        trial.set("pace=100ms")
    assert trial.config.pace == 1


def test_abort_leaves_everything_as_it_was() -> None:
    trial = Trial(Pump)
    prepared: Prepared = trial.prepare("[pump]\npace = '9s'")
    prepared.abort()
    assert trial.module.said[-2:] == ["prepare 9", "abort 9"]
    assert trial.config.pace == 1
    assert trial.module.whole == {}


def test_a_reason_names_the_origin_of_the_value() -> None:
    origins = {
        "environment variable FLUX_PUMP_STROKES": {"environment": {"FLUX_PUMP_STROKES": "0"}},
        "load argument": {"arguments": ["strokes=0"]},
    }
    for origin, given in origins.items():
        with pytest.raises(Refused) as refused:
            Trial(Pump, **given)  # type: ignore[arg-type]
        (reason,) = refused.value.reasons
        assert (format_key(reason.key), str(reason.origin)) == ("pump.strokes", origin)
    with pytest.raises(Refused, match=SET):
        Trial(Pump).set("strokes=0")
    with pytest.raises(
        Refused
    ) as refused:  # where it is the file's, its line is the broker's to say
        Trial(Pump, "[pump]\nstrokes = 0", arguments=["pace=1s"])
    assert refused.value.reasons[0].origin is None
    with pytest.raises(Refused) as refused:  # and a reason of prepare's, too
        Trial(Pump, "[ban]\nlabel = 'x'").set("label=x")
    assert str(refused.value.reasons[0].origin) == SET


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(Refused) as refused:
        Trial(
            Pump, "[pump]\nstrokes = 'many'\nbogus = 1\non = 3", arguments=["nothing=1", "pace=x"]
        )
    assert sorted(format_key(reason.key) for reason in refused.value.reasons) == [
        f"pump.{key}" for key in ("bogus", "nothing", "on", "pace", "strokes")
    ]


@pytest.mark.parametrize(
    ("argument", "why"),
    [
        ("bogus=1", "unknown key"),
        ("inner.bogus=1", "unknown key"),
        ("strokes.x=1", "unknown key"),
        ("inner.names[0]=x", "is part of an array; set the whole array"),
        ("inner=1", "must be a table, not an integer"),
        ("on=yes", "must be a boolean, not a string"),
        ("on=1", "must be a boolean, not an integer"),
        ("strokes=1.5", "must be an integer, not a real number"),
        ("strokes=3 o'clock", "must be an integer, not a string"),
        ("pace=soon", "is not a duration"),
    ],
)
def test_what_cannot_be_given(argument: str, why: str) -> None:
    with pytest.raises(Refused) as refused:
        Trial(Pump, arguments=[argument])
    assert why in refused.value.reasons[0].message
    assert str(refused.value.reasons[0].origin) == "load argument"


def test_unknown_keys_are_refused_even_where_a_file_may_have_them() -> None:
    class Lax(Pump):
        class Config(Pump.Config):
            model_config = LAX

    assert Trial(Lax, "[pump]\nbogus = 1").config.strokes == 3
    with pytest.raises(Refused, match="unknown key"):
        Trial(Lax, arguments=["bogus=1"])


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("strokes=0x10", 16),
        ("share=1", 1.0),
        ("label=5", "5"),
        ("label=true", "true"),
        ('label="a b"', "a b"),
        ("label=a b", "a b"),
        ("label=", ""),
        ("label=a=b", "a=b"),
        ("any-thing=5", 5),
        ("any-thing=[1, {a = 'b'}]", [1, {"a": "b"}]),
        ("any-thing=2020-01-01", "2020-01-01"),
        ("any-thing=inf", "inf"),
        ("any-thing=x\ny = 1", "x\ny = 1"),
        ("any-thing=1\ny = 1", "1\ny = 1"),
        ("pace=5", 5.0),
        ("pace=infinity", float("inf")),
    ],
)
def test_text_is_toml_where_the_type_takes_it(argument: str, value: object) -> None:
    trial = Trial(Pump, arguments=[argument])
    found = getattr(trial.config, argument.partition("=")[0].replace("-", "_"))
    assert found == value
    assert type(found) is type(value)


def test_free_tables_take_keys_and_whole_values() -> None:
    trial = Trial(Pump, "[pump.rooms.a]\ndepth = 2", arguments=['rooms.b.names=["x"]'])
    assert {name: room.depth for name, room in trial.config.rooms.items()} == {"a": 2, "b": 1}
    assert trial.config.rooms["b"].names == ["x"]
    assert trial.origin("rooms") == "configuration, in part load argument"
    trial.set("rooms={}")
    assert trial.config.rooms == {}


@pytest.mark.parametrize("text", ["[" * 3000, "9" * 30, "nan", "1979-05-27T07:32:00Z", "'''", "\0"])
def test_what_no_configuration_can_hold_is_text(text: str) -> None:
    assert value_of(text, frozenset({"string", "integer", "number", "array"})) == text


def test_types_for_authors() -> None:
    class Rich(Module):
        """Has all of them."""

        table = "rich"

        class Config(Module.Config):
            hosts: Hostlist = Field("a[0-1]", description="hosts")
            ids: IdSet = Field("0-3", description="ids")
            size: ByteSize = Field("10M", description="a size")
            path: PathText = Field("/x", description="a path")
            more: Annotated[int, at_least(2)] = Field(2, description="two or more")

    config = Trial(Rich, arguments=["size=1K", "hosts=b[0-2]"]).config
    assert (config.size, len(config.hosts), len(config.ids)) == (1024, 3, 4)
    with pytest.raises(Refused) as refused:
        Trial(Rich, arguments=["size=big", "hosts=b[", "ids=x", "more=1"])
    assert len(refused.value.reasons) == 4


# Several tables


class Two(Module):
    """Owns two tables."""

    name = "two-tables"
    tables = ("first", "second")

    class Config(Module.Config):
        first: Inner = Field(default_factory=Inner)
        second: Inner = Field(default_factory=Inner)


def test_the_first_table_needs_no_name() -> None:
    trial = Trial(Two, arguments=["depth=2", "second.depth=3"])
    assert (trial.config.first.depth, trial.config.second.depth) == (2, 3)
    assert trial.module.whole["second"] == {"depth": 3}
    given = {"FLUX_TWO_TABLES_DEPTH": "4", "FLUX_TWO_TABLES_SECOND_DEPTH": "5"}
    trial = Trial(Two, environment=given)
    assert (trial.config.first.depth, trial.config.second.depth) == (4, 5)


@pytest.mark.parametrize("path", [("first", "depth"), ("second", "depth"), ("first", "second"),
                                  ("first", "first"), ("second",)])  # fmt: skip
def test_spelling_and_path_are_inverse(path: tuple[str, ...]) -> None:
    tables = Tables(("first", "second"), single=False)
    assert tables.path(tables.spelt(path)) == path


# The environment


def test_the_environment_is_read_once_and_by_name() -> None:
    assert variable("job-list", ("max_comparisons",)) == "FLUX_JOB_LIST_MAX_COMPARISONS"
    found = from_environment("a", [("b", "c-d"), ("e",)], {"FLUX_A_B_C_D": "1", "FLUX_A_F": "2"})
    assert found == (("environment variable FLUX_A_B_C_D", "b.c-d", "1"),)


# What prepare sees


def test_the_candidate_is_read_only_and_combined() -> None:
    seen: list[Mapping[str, Any]] = []

    class Curious(Pump):
        def prepare(self, new: Any, config: Mapping[str, Any]) -> str:
            seen.append(config)
            return super().prepare(new, config)

    trial = Trial(Curious, "[pump]\nstrokes = 4\n[other]\nx = [{y = 1}]", arguments=["label=z"])
    (config,) = seen
    assert config["pump"] == {"strokes": 4, "label": "z"}
    assert config["other"]["x"][0]["y"] == 1
    for place in (config, config["pump"], config["other"]["x"][0]):
        with pytest.raises(TypeError):
            place["strokes"] = 9  # type: ignore[index]
    with pytest.raises((TypeError, AttributeError)):
        config["other"]["x"].append(2)
    with pytest.raises(ValidationError):
        trial.config.strokes = 9
    assert trial.module.whole == config


# Keys that take effect at load


def test_a_restart_key_waits_and_the_rest_does_not() -> None:
    trial = Trial(Pump, "[pump]\nport = 81")
    trial.set("port=82", "strokes=5")
    assert (trial.config.port, trial.config.strokes) == (81, 5)
    told = json.loads(trial.module.report())["values"]
    assert told["port"] == {"value": 81, "origin": "configuration",
                            "pending": {"value": 82, "origin": SET}}  # fmt: skip
    assert told["strokes"] == {"value": 5, "origin": SET}
    trial.unset("port")
    assert "pending" not in json.loads(trial.module.report())["values"]["port"]
    trial.change("")  # back to the default is a change, too
    waiting = json.loads(trial.module.report())["values"]["port"]["pending"]
    assert waiting == {"value": 80, "origin": "default"}
    assert trial.config.port == 81
    with pytest.raises(Refused, match="must be an integer"):
        trial.set("port=x")


# The report


def test_the_report_has_a_limit() -> None:
    text = "x" * limits.REPORT_LENGTH
    trial = Trial(Pump, {"pump": {"label": text, "strokes": 4}})
    told = trial.module.report()
    assert len(told) <= limits.REPORT_LENGTH
    values = json.loads(told)
    assert values["cut"] is True
    assert values["values"]["label"] == {"value": None, "origin": "configuration", "cut": True}
    assert values["values"]["strokes"]["value"] == 4


def test_pydantics_own_field_still_works() -> None:
    class Plain(Module):
        table = "plain"

        class Config(Module.Config):
            x: int = PydanticField(1, ge=0)

    assert Trial(Plain, arguments=["x=2"]).config.x == 2
