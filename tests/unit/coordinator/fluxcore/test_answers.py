# SPDX-License-Identifier: LGPL-3.0-or-later
"""What flux-core's commands print of an outcome."""

from coordinator.core.operations.take_back import combined
from coordinator.core.results import Outcome, Result
from coordinator.fluxcore.answers import failure_of
from protocol.reasons import Origin, Reason, part_of

LOW = Reason(part_of("rank 0", "heartbeat"), "too low", ("heartbeat", "period"), Origin("a", 3, 1))
HIGH = Reason(part_of("rank 10", "kvs"), "too high")
SECOND = Reason(part_of("rank 2", "kvs"), "no")


def text(outcome: Outcome, size: int) -> str:
    """The text of the error."""
    failure = failure_of(outcome, size)
    assert failure is not None
    return failure.text


def test_every_reason_is_a_line_in_the_order_of_ranks() -> None:
    refused = Outcome(Result.REFUSED, 3, reasons=(HIGH, SECOND, LOW))
    assert text(refused, 11).splitlines() == [
        "rank 0: heartbeat: heartbeat.period: too low (a:3:1)",
        "rank 2: kvs: no",
        "rank 10: kvs: too high",
        "nothing changed; generation 3 stays in force",
    ]


def test_an_instance_of_one_has_no_ranks_to_tell() -> None:
    refused = Outcome(Result.REFUSED, 3, reasons=(LOW,))
    assert text(refused, 1).startswith("heartbeat: heartbeat.period: too low (a:3:1)\n")


def test_what_is_done_is_no_failure() -> None:
    assert failure_of(Outcome(Result.COMMITTED, 3), 3) is None
    assert failure_of(Outcome(Result.UNCHANGED, 3), 3) is None


def test_what_was_undone_says_so() -> None:
    change = Outcome(Result.PARTIAL, 4, reasons=(SECOND,), not_applied=("rank 2",))
    told = text(combined(change, Outcome(Result.COMMITTED, 5)), 3)
    assert told == ("rank 2: kvs: no\nconfig: undone: all run what ran before, now generation 5")


def test_what_could_not_be_undone_says_what_is_in_force() -> None:
    change = Outcome(Result.PARTIAL, 4, reasons=(SECOND,), not_applied=("rank 2",))
    told = text(combined(change, Outcome(Result.REFUSED, 4, reasons=(HIGH,))), 11)
    assert told.splitlines() == [
        "rank 2: kvs: no",
        "rank 10: kvs: too high",
        "config: generation 4 could not be undone yet",
        "generation 4 is in force, and was not applied everywhere",
    ]
