# SPDX-License-Identifier: LGPL-3.0-or-later
"""What is said of a refusal is cut to what a message may hold, and still says where it is."""

import pytest

from protocol import limits
from protocol.reasons import CUT_MARK, Origin, Reason, bounded


@pytest.mark.parametrize("message", ["no", "n" * limits.REASON_BYTES])
@pytest.mark.parametrize("depth", [0, limits.CONFIGURATION_DEPTH])
def test_what_fits_stays_as_it_is(message: str, depth: int) -> None:
    reason = Reason("a", message, ("k",) * depth, Origin("f", 1, 2))
    assert bounded((reason,)) == (reason,)


@pytest.mark.parametrize("message", ["no", "n" * (limits.REASON_BYTES + 1)])
def test_a_key_that_is_too_deep_is_named_by_its_beginning(message: str) -> None:
    (cut,) = bounded((Reason("a", message, ("k",) * (limits.CONFIGURATION_DEPTH + 3)),))
    assert cut.key == ("k",) * limits.CONFIGURATION_DEPTH
    assert cut.message.endswith(CUT_MARK) == (len(message) > limits.REASON_BYTES)
    assert cut.message.startswith(message[: limits.REASON_BYTES])


def test_keys_and_sources_count_as_well() -> None:
    """Forty of them hold next to no message, and would be more than a message may be."""
    key, source = ("k" * 1000,), Origin("s" * 1000, 1, 1)
    for reason in (Reason("a", "no", key), Reason("a", "no", (), source)):
        kept = bounded([reason] * 40)
        assert len(kept) < 20
        assert kept[-1].message.endswith(CUT_MARK)
