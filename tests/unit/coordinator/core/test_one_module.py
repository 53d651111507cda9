# SPDX-License-Identifier: LGPL-3.0-or-later
"""Operations on one module: clients that go, brokers that stop, modules that behave oddly."""

import pytest

from coordinator.core.effects import AnswerInquiry, Halt, Kill, RecordVoter, WriteLog
from coordinator.core.events import HungUp, Inquired, Stop, TimePassed
from coordinator.core.members import MemberState
from coordinator.core.requests import (
    ConfigureRequest,
    LoadRequest,
    ModuleReloadRequest,
    RemoveRequest,
    Spec,
)
from coordinator.core.results import Result
from protocol import limits
from protocol.messages import Prepare, Shutdown
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason
from tests.support.stage import Stage

WHY = Reason("a", "has no mind to")


@pytest.fixture
def stage() -> Stage:
    """A child `a` that runs what is in force."""
    return Stage.with_children("a")


# Load


def test_a_load_does_not_go_on_without_its_client() -> None:
    stage = Stage()
    stage.ask(1, LoadRequest("a", Spec("a")))
    stage.started("a")
    stage.step(HungUp(2))
    assert not stage.found(Kill), "that was another client"
    stage.step(HungUp(1))
    assert stage.found(Kill) == [Kill("a", stage.tickets["a"])]
    stage.step(HungUp(1))
    stage.died("a")
    assert stage.untold(1)
    assert len(stage.machine.members) == 0
    assert not stage.found(RecordVoter)


def test_a_load_that_is_cancelled_is_not_cancelled_twice_by_a_stop() -> None:
    stage = Stage()
    stage.ask(1, LoadRequest("a", Spec("a"), 5.0))
    stage.started("a")
    stage.now = 5.0
    stage.step(TimePassed())
    assert len(stage.found(Kill)) == 1
    stage.step(Stop())
    assert len(stage.found(Kill)) == 1
    stage.died("a")
    assert stage.told(1).reasons == (
        Reason("a", "was not ready within 5 s (it is starting)", code=ReasonCode.TIMEOUT),
    )
    assert stage.found(Halt)


def test_a_load_that_ended_with_the_broker_stopping_is_answered_once() -> None:
    stage = Stage()
    stage.child("b")
    stage.ask(1, LoadRequest("a", Spec("a")))
    stage.started("a")
    stage.step(Stop())
    stage.died("a")
    assert stage.told(1).result is Result.REFUSED
    stage.now = limits.SHUTDOWN_SECONDS / 2
    stage.step(TimePassed())
    stage.now = limits.SHUTDOWN_SECONDS
    stage.step(TimePassed())
    assert stage.told(1).result is Result.REFUSED
    assert stage.found(Halt)


def test_a_process_that_comes_up_after_its_load_was_given_up_is_killed() -> None:
    stage = Stage()
    stage.ask(1, LoadRequest("a", Spec("a"), 5.0))
    ticket = stage.tickets["a"]
    stage.now = 5.0
    stage.step(TimePassed())
    stage.now = 5.0 + limits.SHUTDOWN_SECONDS
    stage.step(TimePassed())
    stage.clear()
    stage.started("a")
    assert Kill("a", ticket) in stage.found(Kill)


def test_a_process_that_comes_up_after_its_removal_is_killed(stage: Stage) -> None:
    stage.died("a")
    stage.now += limits.RESTART_FIRST_SECONDS
    stage.step(TimePassed())
    assert stage.member("a").state is MemberState.STARTING
    stage.ask(1, RemoveRequest("a"))
    stage.now += limits.SHUTDOWN_SECONDS
    stage.step(TimePassed())
    stage.now += limits.SHUTDOWN_SECONDS
    stage.step(TimePassed())
    assert stage.told(1).result is Result.REMOVED
    stage.clear()
    stage.started("a")
    assert stage.found(Kill) == [Kill("a", stage.tickets["a"])]
    assert len(stage.machine.members) == 0


def test_a_reload_loads_what_is_not_loaded_if_it_is_told_what() -> None:
    stage = Stage()
    stage.ask(1, ModuleReloadRequest("a", otherwise=Spec("a")))
    stage.started("a")
    stage.join("a")
    stage.applied("a")
    assert stage.told(1).result is Result.LOADED


# Configure


def test_what_has_failed_cannot_be_asked_about_values(stage: Stage) -> None:
    for _ in range(limits.RESTART_DEATHS):
        stage.died("a")
        stage.now += limits.RESTART_LONGEST_SECONDS
        stage.step(TimePassed())
        if stage.member("a").state is MemberState.STARTING:
            stage.started("a")
    assert stage.member("a").state is MemberState.FAILED
    stage.ask(1, ConfigureRequest("a", (("x", "1"),), dry_run=True))
    assert stage.told(1).reasons == (
        Reason("a", "cannot be configured: it is failed", code=ReasonCode.CONFLICT),
    )


def test_so_many_values_are_refused_before_it_is_asked(stage: Stage) -> None:
    many = tuple((f"k{number}", "1") for number in range(limits.ARGUMENTS + 1))
    stage.ask(1, ConfigureRequest("a", many))
    (reason,) = stage.told(1).reasons
    assert str(limits.ARGUMENTS) in reason.message
    long = (("k", "1" * limits.ARGUMENTS_LENGTH),)
    stage.ask(2, ConfigureRequest("a", long))
    (reason,) = stage.told(2).reasons
    assert f"{limits.ARGUMENTS_LENGTH} characters" in reason.message
    assert not stage.sent(Prepare)
    exactly = tuple((f"k{number}", "1") for number in range(limits.ARGUMENTS))
    stage.ask(3, ConfigureRequest("a", exactly))
    assert stage.sent(Prepare)


def test_it_is_told_how_little_time_there_is(stage: Stage) -> None:
    stage.ask(1, ConfigureRequest("a", (("x", "1"),), seconds=0.5))
    (prepare,) = stage.sent(Prepare)
    assert prepare.allowed == 0.5


def test_values_that_it_accepted_and_did_not_apply_are_told_so(stage: Stage) -> None:
    stage.ask(1, ConfigureRequest("a", (("x", "1"),)))
    stage.vote("a")
    stage.applied("a", WHY)
    told = stage.told(1)
    assert (told.result, told.not_applied) == (Result.PARTIAL, ("a",))
    assert "failed to apply them: has no mind to" in told.reasons[0].message


def test_why_values_were_not_applied_has_the_code_that_it_gave(stage: Stage) -> None:
    full = Reason("a", "disk full", code=ReasonCode.DISK)
    for client, given in ((1, (full,)), (2, ())):
        stage.ask(client, ConfigureRequest("a", (("x", str(client)),)))
        stage.vote("a")
        stage.applied("a", *given, ok=False)
        if client == 1:  # it is started anew
            stage.died("a")
            stage.now += limits.RESTART_LONGEST_SECONDS
            stage.step(TimePassed())
            stage.started("a")
            stage.join("a")
            stage.applied("a")
    failed = "accepted the values and failed to apply them"
    assert [str(reason) for reason in stage.told(1).reasons] == [f"a: {failed}: disk full"]
    assert stage.told(1).reasons[0].code is ReasonCode.DISK
    assert [str(reason) for reason in stage.told(2).reasons] == [f"a: {failed}: gave no reason"]
    assert stage.told(2).reasons[0].code is ReasonCode.NOT_APPLIED


def test_one_that_is_cut_off_over_its_values_applies_them_when_it_is_back(stage: Stage) -> None:
    stage.ask(1, ConfigureRequest("a", (("x", "1"),)))
    stage.vote("a")
    stage.cut("a")
    stage.join("a")
    stage.clear()
    stage.applied("a")
    assert stage.told(1).result is Result.CONFIGURED
    assert not stage.sent(Prepare), "it has been asked already"


def test_who_is_on_its_way_for_too_long_is_not_asked_about_values(stage: Stage) -> None:
    stage.cut("a")
    stage.ask(1, ConfigureRequest("a", (("x", "1"),), seconds=5.0))
    stage.now = 5.0
    stage.step(TimePassed())
    (reason,) = stage.told(1).reasons
    assert (reason.message, reason.code) == ("is still joining after 5 s", ReasonCode.TIMEOUT)
    assert not stage.sent(Prepare)


def test_a_value_may_be_taken_away_and_others_set_in_one_go(stage: Stage) -> None:
    for number, given in enumerate(((("x", "1"), ("y", "1")), (("x", None), ("z", "2")))):
        stage.ask(number, ConfigureRequest("a", given))
        stage.vote("a")
        stage.applied("a")
    found = {key: value.value for key, value in stage.member("a").runtime.items()}
    assert found == {"y": "1", "z": "2"}


def test_one_that_leaves_over_its_values_did_not_apply_them(stage: Stage) -> None:
    stage.ask(1, ConfigureRequest("a", (("x", "1"),)))
    stage.vote("a")
    stage.leaves("a", WHY)
    assert stage.untold(1), "its death is awaited"
    stage.died("a")
    assert stage.told(1).result is Result.PARTIAL


def test_whoever_hangs_up_once_values_are_decided_stops_nothing(stage: Stage) -> None:
    stage.ask(1, ConfigureRequest("a", (("x", "1"),)))
    stage.step(HungUp(2))
    stage.vote("a")
    stage.step(HungUp(1))
    stage.applied("a")
    assert stage.untold(1)
    assert stage.member("a").runtime["x"].value == "1"
    assert not stage.member("a").runtime_untried


def test_whoever_hangs_up_before_that_takes_it_back(stage: Stage) -> None:
    stage.ask(1, ConfigureRequest("a", (("x", "1"),)))
    stage.step(HungUp(1))
    stage.vote("a")
    assert stage.member("a").runtime == {}
    assert stage.machine.waiting == 0


@pytest.mark.parametrize("voted", [False, True])
def test_a_stop_ends_the_setting_of_values_and_later_wakes_do_nothing(
    stage: Stage, voted: bool
) -> None:
    stage.ask(1, ConfigureRequest("a", (("x", "1"),)))
    if voted:
        stage.vote("a")
    stage.step(Stop())
    told = stage.told(1)
    assert told.result is (Result.PARTIAL if voted else Result.REFUSED)
    stage.now = limits.COMMIT_SECONDS
    stage.step(TimePassed())
    assert stage.told(1) == told
    assert stage.found(Halt)


# Reload


def test_one_that_is_cut_off_while_it_comes_up_may_join_again(stage: Stage) -> None:
    stage.ask(1, ModuleReloadRequest("a"))
    stage.step(HungUp(2))
    stage.died("a")
    stage.started("a")
    stage.join("a")
    stage.cut("a")
    assert stage.untold(1)
    stage.join("a")
    stage.applied("a")
    assert stage.told(1).result is Result.RELOADED


def test_a_new_life_in_the_same_process_is_not_the_death_of_it(stage: Stage) -> None:
    stage.ask(1, ModuleReloadRequest("a"))
    stage.died("a")
    stage.started("a")
    stage.join("a")
    stage.join("a", incarnation="a-2", session="a-2.1")
    assert stage.untold(1)
    stage.applied("a", incarnation="a-2")
    assert stage.told(1).result is Result.RELOADED


def test_one_that_declines_twice_is_killed_once(stage: Stage) -> None:
    stage.ask(1, ModuleReloadRequest("a"))
    stage.died("a")
    stage.started("a")
    stage.join("a")
    stage.clear()
    stage.applied("a", WHY)
    stage.join("a")
    stage.applied("a", WHY)
    assert len(stage.found(Kill)) == 1
    stage.died("a")
    told = stage.told(1)
    assert (told.result, told.reasons) == (Result.FAILED, (WHY,))


def test_another_that_declines_meanwhile_is_no_matter_of_a_reload(stage: Stage) -> None:
    stage.ask(1, ModuleReloadRequest("a"))
    stage.join("b")
    stage.applied("b", Reason("b", "not for me"))
    assert stage.member("b").state is MemberState.REFUSED
    stage.died("a")
    stage.started("a")
    stage.join("a")
    stage.applied("a")
    assert stage.told(1).result is Result.RELOADED


def test_a_reload_that_a_stop_has_ended_is_not_ended_again(stage: Stage) -> None:
    stage.child("b")
    stage.ask(1, ModuleReloadRequest("a"))
    stage.step(Stop())
    told = stage.told(1)
    assert told.result is Result.FAILED
    stage.now = limits.SHUTDOWN_SECONDS
    stage.step(TimePassed())
    assert stage.told(1) == told
    assert stage.found(Halt)


# Remove


def test_a_stop_in_the_middle_of_a_removal_brings_it_to_its_end(stage: Stage) -> None:
    stage.ask(1, RemoveRequest("a"))
    assert stage.sent(Shutdown, "a")
    stage.step(Stop())
    assert Kill("a", stage.tickets["a"]) in stage.found(Kill)
    stage.died("a")
    assert stage.told(1).result is Result.REMOVED
    assert stage.found(Halt)


def test_a_stop_does_not_kill_what_is_being_removed_and_is_not_ours() -> None:
    stage = Stage()
    stage.child("b")
    stage.attach("c")
    stage.clear()
    stage.ask(1, RemoveRequest("c"))
    stage.step(Stop())
    assert not stage.found(Kill)
    stage.leaves("c")
    told = stage.told(1)
    assert told.result is Result.REMOVED
    stage.now = limits.SHUTDOWN_SECONDS
    stage.step(TimePassed())
    assert stage.told(1) == told


def test_one_that_declines_while_it_is_removed_is_removed_all_the_same() -> None:
    stage = Stage()
    stage.join("a")
    stage.ask(1, RemoveRequest("a"))
    stage.applied("a", WHY)
    assert stage.member("a").state is MemberState.LEAVING
    stage.leaves("a")
    assert stage.told(1).result is Result.REMOVED


# Inquiries


def test_who_asked_how_it_is_and_went_away_is_told_nothing(stage: Stage) -> None:
    stage.step(Inquired(1, "a", 5.0))
    stage.step(Inquired(2, "a", 5.0))
    stage.step(HungUp(1))
    stage.now = 5.0
    stage.step(TimePassed())
    assert [answer.client for answer in stage.found(AnswerInquiry)] == [2]


# Supervision


def test_deaths_that_are_long_ago_do_not_count(stage: Stage) -> None:
    for _ in range(2 * limits.RESTART_DEATHS):
        stage.died("a")
        assert stage.member("a").state is MemberState.RESTARTING
        stage.now += limits.RESTART_WINDOW_SECONDS
        stage.step(TimePassed())
        stage.started("a")


def test_the_pause_before_a_restart_grows_up_to_the_longest(stage: Stage) -> None:
    pauses = []
    for _ in range(limits.RESTART_DEATHS - 1):
        stage.died("a")
        deadline = stage.member("a").deadline
        assert deadline is not None
        pauses.append(deadline - stage.now)
        stage.now = deadline - 0.001
        stage.step(TimePassed())
        assert stage.member("a").state is MemberState.RESTARTING
        stage.now = deadline
        stage.step(TimePassed())
        stage.started("a")
    longest = limits.RESTART_LONGEST_SECONDS
    assert pauses == pytest.approx(
        [min(limits.RESTART_FIRST_SECONDS * 2**n, longest) for n in range(len(pauses))]
    )
    assert stage.member("a").restarts == len(pauses)
    stage.died("a", "killed by signal 9")
    assert stage.member("a").state is MemberState.FAILED
    assert stage.member("a").why.startswith(f"died {limits.RESTART_DEATHS} times within ")


def test_an_old_process_has_its_time_to_end(stage: Stage) -> None:
    stage.ask(1, ModuleReloadRequest("a"))
    assert stage.sent(Shutdown, "a")
    stage.now = limits.SHUTDOWN_SECONDS - 0.1
    stage.step(TimePassed())
    assert not stage.found(Kill)
    stage.now = limits.SHUTDOWN_SECONDS
    stage.step(TimePassed())
    assert len(stage.found(Kill)) == 1
    stage.now = 2 * limits.SHUTDOWN_SECONDS - 0.1
    stage.step(TimePassed())
    assert stage.untold(1)
    stage.now = 2 * limits.SHUTDOWN_SECONDS
    stage.step(TimePassed())
    told = stage.told(1)
    assert (told.result, told.reasons) == (
        Result.FAILED,
        (Reason("a", "cannot be ended", code=ReasonCode.HUNG),),
    )


def test_what_happens_to_members_is_in_the_log() -> None:
    stage = Stage()
    stage.join("a", generation=0, description='{"purpose": "x"}')
    stage.applied("a", WHY)
    stage.cut("a")
    logged = {log.event: dict(log.fields) for log in stage.found(WriteLog)}
    assert logged["join"]["module"] == "a"
    assert (logged["join"]["pid"], logged["join"]["generation"]) == (100, 0)
    assert logged["declined"] == {"epoch": 1, "module": "a", "why": WHY.message}
    assert logged["cut"] == {"epoch": 1, "module": "a"}
    assert stage.member("a").description == '{"purpose": "x"}'
    stage.join("b")
    stage.applied("b")
    stage.applied("b", WHY)
    stage.died("b", "killed")
    logged = {log.event: dict(log.fields) for log in stage.found(WriteLog)}
    assert logged["member"] == {"epoch": 1, "module": "b", "generation": 1}
    assert logged["broke"] == {"epoch": 1, "module": "b", "why": f"failed in commit: {WHY.message}"}
    assert logged["died"] == {"epoch": 1, "module": "b", "pid": 101, "how": "killed"}
