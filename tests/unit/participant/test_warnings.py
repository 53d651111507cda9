# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a module says without refusing, and what it says when it is asked about a start."""

from typing import Any

import pytest

from participant import Field, Module, Reject
from participant.module import AT_A_START
from participant.testing import Refused, Trial


class Boiler(Module):
    """Heats; wants its pipe to be there at a start."""

    table = "boiler"
    start_matters = True

    class Config(Module.Config):
        degrees: int = Field(60, description="how hot")
        pipe: str = Field("iron", description="of what")

    def __init__(self, arguments: Any = None) -> None:
        super().__init__(arguments)
        self.calls: list[str] = []

    def prepare(self, new: Any, config: Any) -> str:
        when = "start" if self.starting else "change"
        self.calls.append(when)
        if new.degrees > 90:
            self.warn("is close to boiling", key="degrees")
        if new.degrees > 100:
            raise Reject("would boil", key="degrees")
        if self.starting and new.pipe == "lead":
            raise Reject("is not fitted any more", key="pipe")
        if self.starting and new.pipe == "glass":
            raise ZeroDivisionError("oops")
        return when

    def commit(self, staged: str) -> None:
        self.calls.append(f"commit {staged}")

    def abort(self, staged: str) -> None:
        self.calls.append(f"abort {staged}")


class Cold(Boiler):
    """The same, for which a start is like any change."""

    start_matters = False


def test_a_change_is_judged_as_a_start_too_and_nothing_is_kept_of_that() -> None:
    trial = Trial(Boiler)
    assert trial.module.calls == ["start", "commit start"]
    trial.change("[boiler]\ndegrees = 70")
    assert trial.module.calls[2:] == ["change", "start", "abort start", "commit change"]
    assert trial.warnings == []
    assert not trial.module.starting


def test_what_only_a_start_refuses_is_a_warning() -> None:
    trial = Trial(Boiler)
    trial.change("[boiler]\npipe = 'lead'")
    assert trial.warnings == [f"boiler: boiler.pipe: {AT_A_START}: is not fitted any more"]
    assert "abort start" not in trial.module.calls, "there is nothing to release"
    with pytest.raises(Refused, match="fitted"):
        Trial(Boiler, "[boiler]\npipe = 'lead'")


def test_an_error_in_that_judgement_is_no_reason_against_the_change() -> None:
    trial = Trial(Boiler)
    trial.change("[boiler]\npipe = 'glass'")
    assert trial.warnings == [f"boiler: {AT_A_START}: prepare raised ZeroDivisionError: oops"]
    assert not trial.module.starting


def test_a_module_that_does_not_care_is_asked_once() -> None:
    trial = Trial(Cold)
    trial.change("[boiler]\npipe = 'lead'")
    assert trial.module.calls[2:] == ["change", "commit change"]
    assert trial.warnings == []


def test_a_warning_is_told_once_with_the_origin_of_its_value_also_with_a_refusal() -> None:
    trial = Trial(Boiler)
    trial.change("[boiler]\ndegrees = 95")
    assert trial.warnings == ["boiler: boiler.degrees: is close to boiling"]
    trial.set("degrees=96")
    assert trial.warnings == ["boiler: boiler.degrees: is close to boiling (set in a test)"]
    with pytest.raises(Refused, match="would boil"):
        trial.set("degrees=101")
    assert trial.warnings == ["boiler: boiler.degrees: is close to boiling (set in a test)"]
    trial.set("degrees=7")
    assert trial.warnings == []


def test_a_warning_belongs_into_prepare() -> None:
    trial = Trial(Boiler)
    with pytest.raises(RuntimeError, match="prepare"):
        trial.module.warn("too late")
