# SPDX-License-Identifier: LGPL-3.0-or-later
"""What systemd is told, by what has happened."""

import pytest

from coordinator.service.interface import ServiceState
from coordinator.service.words import messages

NEW = ServiceState()
READY = ServiceState(ready=True)
RELOADING = "RELOADING=1\nMONOTONIC_USEC=7"


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (NEW, NEW, ()),
        (NEW, READY, ("READY=1",)),
        (READY, READY, ()),
        (READY, READY._replace(reloads=1, reloading=True), (RELOADING,)),
        (
            READY._replace(reloads=1, reloading=True),
            READY._replace(reloads=1, reloading=True),
            (),
        ),
        (READY._replace(reloads=1, reloading=True), READY._replace(reloads=1), ("READY=1",)),
        # one is over and the next has begun between two looks
        (
            READY._replace(reloads=1, reloading=True),
            READY._replace(reloads=2, reloading=True),
            ("READY=1", RELOADING),
        ),
        # begun and over between two looks: systemd waits for both words
        (READY, READY._replace(reloads=1), (RELOADING, "READY=1")),
        # asked for during the start
        (NEW._replace(reloads=1, reloading=True), NEW._replace(reloads=1, reloading=True), ()),
        (
            NEW._replace(reloads=1, reloading=True),
            READY._replace(reloads=1, reloading=True),
            ("READY=1", RELOADING),
        ),
        (READY, READY._replace(stopping=True), ("STOPPING=1",)),
        (READY._replace(stopping=True), READY._replace(stopping=True), ()),
        (
            READY._replace(reloads=1, reloading=True),
            READY._replace(reloads=1, stopping=True),
            ("STOPPING=1",),
        ),
        # a start that is given up was never ready
        (NEW, NEW._replace(stopping=True), ("STOPPING=1",)),
    ],
)
def test_words(before: ServiceState, now: ServiceState, told: tuple[str, ...]) -> None:
    assert messages(before, now, 7) == told


def test_a_status_is_told_when_it_is_another_and_in_one_line() -> None:
    one = READY._replace(status="generation 1")
    assert messages(NEW, one, 0) == ("STATUS=generation 1\nREADY=1",)
    assert messages(one, one, 0) == ()
    assert messages(one, one._replace(status="two\nREADY=1\n lines"), 0) == (
        "STATUS=two READY=1 lines",
    )


def test_a_status_goes_before_what_it_explains() -> None:
    stopping = READY._replace(stopping=True, status="stopping")
    assert messages(READY, stopping, 0) == ("STATUS=stopping\nSTOPPING=1",)
