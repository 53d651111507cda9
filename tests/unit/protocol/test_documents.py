# SPDX-License-Identifier: LGPL-3.0-or-later
"""The shapes of the JSON texts in messages are those that are sent."""

import json

from participant.describe import describe, description
from participant.modules.heartbeat import Heartbeat
from protocol.documents import Description, ReportedValue, ValueReport


def test_a_description_has_the_fields_that_are_promised() -> None:
    told = description(Heartbeat)
    assert set(told) == set(Description.__annotations__)
    assert json.loads(describe(Heartbeat)) == told


def test_what_may_be_left_out_is_marked() -> None:
    assert ReportedValue.__optional_keys__ == {"pending", "cut"}
    assert ValueReport.__optional_keys__ == {"cut"}
