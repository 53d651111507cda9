# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a request says of who asked."""

from coordinator.core.requests import Who
from protocol.reasons import Origin


def test_values_come_from_a_command_and_whoever_gave_it() -> None:
    assert Who(7, 1, "flux config set").origin == Origin("flux config set by uid 7")
    assert Who(7, 1).origin == Origin("an edit by uid 7")
