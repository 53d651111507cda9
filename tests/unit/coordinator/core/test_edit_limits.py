# SPDX-License-Identifier: LGPL-3.0-or-later
"""An edit that cannot be made says why, and shows no secret in saying so."""

import pytest

from coordinator.core.edit import Edit
from protocol import limits
from protocol.configuration import Configuration, Unfit


def test_an_edit_that_makes_the_whole_too_large_is_none() -> None:
    nearly = Configuration.of({"a": "x" * (limits.CONFIGURATION_BYTES - 100)})
    with pytest.raises(Unfit, match="would take"):
        Edit(("b",), "y" * 200, "string").applied_to(nearly)


def test_what_was_typed_is_shown_unless_it_is_secret() -> None:
    running = Configuration.of({"a": 1})
    with pytest.raises(Unfit, match="hunter2"):
        Edit(("a",), "hunter2", "integer").applied_to(running)
    with pytest.raises(Unfit, match="it is not shown") as raised:
        Edit(("a",), "hunter2", "integer", secret=True).applied_to(running)
    assert "hunter2" not in str(raised.value)
    assert raised.value.key == ("a",)


@pytest.mark.parametrize("text", ["NaN", "[1, Infinity]", "-Infinity"])
def test_what_json_has_no_number_for_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(Unfit, match="is not a JSON number"):
        Edit(("a",), text, "any").applied_to(Configuration.of({}))
