# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a command's exit status is."""

from coordinator.api.outcome import as_json
from coordinator.core.results import Outcome, Result


def test_what_is_not_applied_everywhere_is_never_a_success() -> None:
    for result in Result:
        assert as_json(Outcome(result, 1, not_applied=("a",)))["status"] == 3
    assert as_json(Outcome(Result.UNCHANGED, 1))["status"] == 0
    assert as_json(Outcome(Result.REFUSED, 1))["status"] == 1
