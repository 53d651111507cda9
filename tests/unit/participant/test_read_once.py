# SPDX-License-Identifier: LGPL-3.0-or-later
"""What changes nothing in a module's own tables is asked about, and not read again."""

from typing import Any

from pydantic import ConfigDict, field_validator

from participant import Field, Module
from participant.module import StagedSettings
from protocol.configuration import Configuration
from protocol.messages import LOAD_ARGUMENT, Argument

READ: list[int] = []


class Counted(Module):
    """Counts how often its table is read, and what it is asked about."""

    table = "counted"

    class Config(Module.Config):
        """One number."""

        x: int = Field(0, description="a number")

        @field_validator("x")
        @classmethod
        def read(cls, value: int) -> int:
            READ.append(value)
            return value

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, Any]] = []

    def prepare(self, new: Any, config: Any) -> None:
        self.asked.append((new.x, config.get("other")))


class Listed(Module):
    """Has a value that it could change."""

    table = "counted"

    class Config(Module.Config):
        """A list."""

        x: list[int] = Field(description="numbers")

    def prepare(self, new: Any, config: Any) -> None:
        new.x.append(7)


def take(module: Module, tree: dict[str, Any], *arguments: Argument) -> None:
    """Judge the tree, and commit it."""
    staged = module.judge(Configuration.of(tree), arguments)
    assert isinstance(staged, StagedSettings)
    module.take(staged)


def test_other_tables_change() -> None:
    module = Counted()
    take(module, {"counted": {"x": 1}, "other": 1})
    READ.clear()
    take(module, {"counted": {"x": 1}, "other": 2})
    take(module, {"counted": {"x": 1}, "other": 3})
    assert READ == []
    assert module.asked == [(1, 1), (1, 2), (1, 3)]
    assert module.config.x == 1
    assert module.whole["other"] == 3


def test_its_own_table_changes() -> None:
    module = Counted()
    take(module, {"counted": {"x": 1}})
    READ.clear()
    take(module, {"counted": {"x": 2}})
    take(module, {"counted": {"x": 1}})
    assert READ == [2, 1]


def test_a_value_of_its_own_changes() -> None:
    module, given = Counted(), Argument(LOAD_ARGUMENT, "x", "5")
    take(module, {"counted": {"x": 1}}, given)
    READ.clear()
    take(module, {"counted": {"x": 1}, "other": 1}, given)
    assert READ == []
    assert module.whole["counted"]["x"] == 5
    take(module, {"counted": {"x": 1}, "other": 1})
    assert READ == [1]


def test_what_was_only_judged_is_not_what_runs() -> None:
    module = Counted()
    take(module, {"counted": {"x": 1}})
    module.judge(Configuration.of({"counted": {"x": 2}}))
    READ.clear()
    take(module, {"counted": {"x": 2}})
    assert READ == [2]


def test_what_an_author_could_have_changed_is_read_again() -> None:
    module = Listed()
    for other in range(3):
        take(module, {"counted": {"x": [1]}, "other": other})
        assert module.config.x == [1, 7]


class Open(Module):
    """Its settings can be written."""

    table = "counted"

    class Config(Module.Config):
        """A number, at first."""

        model_config = ConfigDict(frozen=False)
        x: Any = Field(description="anything")

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Any] = []

    def prepare(self, new: Any, config: Any) -> None:
        self.asked.append(new.x)
        if config["other"] == 1:
            new.x = [7]


def test_what_an_author_has_put_there_is_not_kept_either() -> None:
    module = Open()
    for other in range(3):
        take(module, {"counted": {"x": 1}, "other": other})
    assert module.asked == [1, 1, 1]
