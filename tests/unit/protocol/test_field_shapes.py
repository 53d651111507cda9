# SPDX-License-Identifier: LGPL-3.0-or-later
"""Fields at the edge of their shapes: one more is malformed."""

from typing import Any

import msgpack
import pytest

from protocol import limits
from protocol.codec import Malformed, decode_from_coordinator, decode_from_participant, encode
from protocol.configuration import Configuration
from protocol.messages import Admit, Argument, Prepare, Vote
from protocol.reasons import Origin, Reason

CONTENT, OTHER = Configuration.of({"v": 1}), Configuration.of({"v": 2})


def prepare(**fields: Any) -> Prepare:
    known = Prepare("here", 1, "1.1", 0, CONTENT.digest, CONTENT.encoded, 10.0, False)
    return known._replace(**fields)


def vote(*reasons: Reason) -> Vote:
    return Vote(1, "a-1", "1.1", False, reasons)


def test_a_reasons_key_is_as_deep_as_a_configuration_and_no_deeper() -> None:
    deep = ("k",) * limits.CONFIGURATION_DEPTH
    right = vote(Reason("a", "no", deep, Origin("f")))
    assert decode_from_participant(encode(right)) == right
    found = decode_from_participant(encode(vote(Reason("a", "no", (*deep, "k")))))
    assert isinstance(found, Malformed)
    assert "key is not a path" in found.why


def test_a_reasons_message_is_so_long_and_no_longer() -> None:
    most = 2 * limits.REASON_BYTES
    assert isinstance(decode_from_participant(encode(vote(Reason("a", "n" * most)))), Vote)
    assert isinstance(
        decode_from_participant(encode(vote(Reason("a", "n" * (most + 1))))), Malformed
    )


def test_all_reasons_together_are_so_long_and_no_longer() -> None:
    most = limits.REASONS_BYTES + limits.REASON_BYTES
    whole, rest = divmod(most, limits.REASON_BYTES)
    full = [Reason("a", "n" * limits.REASON_BYTES)] * whole
    for more in (rest, rest + 1):
        found = decode_from_participant(encode(vote(*full, Reason("a", "n" * more))))
        assert isinstance(found, Vote) == (more == rest), found


@pytest.mark.parametrize("keys", [1, limits.ARGUMENTS_LENGTH - 1, limits.ARGUMENTS_LENGTH // 2])
def test_all_arguments_together_are_so_long_and_no_longer(keys: int) -> None:
    """Keys and values count; where they are from does not."""
    values = limits.ARGUMENTS_LENGTH - keys
    first = Argument("from a file", "k" * (keys // 2), "v" * (values // 2))
    rest = Argument("from a file", "k" * (keys - keys // 2), "v" * (values - values // 2))
    right = prepare(arguments=(first, rest))
    assert decode_from_coordinator(encode(right)) == right
    for wrong in (rest._replace(key=rest.key + "k"), rest._replace(value=rest.value + "v")):
        found = decode_from_coordinator(encode(prepare(arguments=(first, wrong))))
        assert isinstance(found, Malformed)
        assert "too much text" in found.why


@pytest.mark.parametrize("step", [-1, None, True, 1.0, b"k"])
def test_a_step_of_a_key_is_text_or_an_index(step: Any) -> None:
    found = decode_from_participant(encode(vote(Reason("a", "no", (step,)))))
    assert isinstance(found, Malformed)
    right = vote(Reason("a", "no", ("k", 0)))
    assert decode_from_participant(encode(right)) == right


def test_whole_seconds_are_seconds_and_nothing_else_is() -> None:
    assert decode_from_coordinator(encode(prepare(allowed=10))) == prepare(allowed=10.0)
    for wrong in ("10", True, None, float("nan"), -1.0):
        assert isinstance(decode_from_coordinator(encode(prepare(allowed=wrong))), Malformed)


def test_a_content_is_the_one_that_its_digest_says() -> None:
    admit = Admit("here", 1, "a-1.1", 1, CONTENT.digest, CONTENT.encoded, ())
    assert decode_from_coordinator(encode(admit)) == admit
    for message in (prepare(), admit):
        found = decode_from_coordinator(encode(message._replace(digest=OTHER.digest)))
        assert isinstance(found, Malformed)
        assert "digest: not that of the" in found.why


def test_a_message_that_is_no_array_is_malformed() -> None:
    assert isinstance(decode_from_coordinator(msgpack.packb({"a": 1})), Malformed)


@pytest.mark.parametrize("parts", [[], [limits.PROTOCOL_VERSION], [limits.PROTOCOL_VERSION, "?"]])
def test_a_message_without_a_tag_that_is_known_is_malformed(parts: list[Any]) -> None:
    frame = msgpack.packb(parts)
    assert isinstance(decode_from_coordinator(frame), Malformed)
    assert isinstance(decode_from_participant(frame), Malformed)
