# SPDX-License-Identifier: LGPL-3.0-or-later
"""Frames: every message survives the trip, and no bytes whatever make the decoder raise."""

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits, messages
from protocol.codec import (
    Encoder,
    Malformed,
    decode_from_coordinator,
    decode_from_participant,
    encode,
)
from protocol.configuration import EMPTY, Configuration
from protocol.messages import Admit, Message, Prepare, Vote
from protocol.reason_code import ReasonCode
from protocol.reasons import Origin, Reason

names = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=30)
names = names.filter(str.isprintable)
counts = st.integers(0, 2**63 - 1)
digests = st.one_of(st.just(""), st.binary(min_size=32, max_size=32).map(bytes.hex))
steps = st.one_of(st.text(max_size=20), st.integers(0, 1000))
reasons = st.lists(
    st.builds(
        Reason,
        names,
        st.text(max_size=50),
        st.lists(steps, max_size=5).map(tuple),
        st.none() | st.builds(Origin, st.text(max_size=20)),
        st.sampled_from(ReasonCode),
    ),
    max_size=5,
).map(tuple)
configurations = st.builds(
    Configuration.of, st.dictionaries(st.text(max_size=5), st.integers(-5, 5), max_size=4)
)

ledgers = names | st.just("")
joins = st.builds(messages.Join, ledgers, counts, names, names, counts, counts, digests,
                  st.one_of(st.none(), names), counts, names, st.text(max_size=100))  # fmt: skip
votes = st.builds(Vote, counts, names, names, st.booleans(), reasons, reasons)
applieds = st.builds(messages.Applied, counts, names, counts, digests, st.booleans(), reasons,
                     st.text(max_size=50), reasons)  # fmt: skip
reports = st.builds(messages.Report, counts, names, counts, st.text(max_size=50))
leaves = st.builds(messages.Leave, counts, names, names, reasons)
texts = st.text(max_size=9)
arguments = st.lists(st.builds(messages.Argument, texts, texts, texts), max_size=3).map(tuple)
admits = st.builds(lambda c, i, e, s, g, a: Admit(i, e, s, g, c.digest, c.encoded, a),
                   configurations, ledgers, counts, names, counts, arguments)  # fmt: skip
prepares = st.builds(
    lambda c, i, e, t, b, s, d, a: Prepare(i, e, t, b, c.digest, c.encoded, s, d, a),
    configurations, ledgers, counts, names, counts, st.floats(0, 1e6), st.booleans(),
    st.none() | arguments,
)  # fmt: skip
others = st.one_of(
    st.builds(messages.Refuse, ledgers, counts, st.text(max_size=50)),
    st.builds(messages.Commit, ledgers, counts, names, counts),
    st.builds(messages.Abort, ledgers, counts, names),
    st.builds(messages.Shutdown, ledgers, counts, names, st.text(max_size=50)),
    st.builds(messages.Inquire, ledgers, counts, counts),
)


@given(st.one_of(joins, votes, applieds, reports, leaves))
def test_participants_messages_survive_the_trip(message: Any) -> None:
    found = decode_from_participant(encode(message))
    assert (type(found), found) == (type(message), message)
    assert ENCODER.encode(message) == encode(message)
    assert isinstance(decode_from_coordinator(encode(message)), Malformed)


@given(st.one_of(admits, prepares, others))
def test_coordinators_messages_survive_the_trip(message: Any) -> None:
    found = decode_from_coordinator(encode(message))
    assert (type(found), found) == (type(message), message)
    assert isinstance(decode_from_participant(encode(message)), Malformed)


@given(st.binary(max_size=200))
def test_no_bytes_make_the_decoder_raise(frame: bytes) -> None:
    for decode in (decode_from_participant, decode_from_coordinator):
        decode(frame)


def anything() -> st.SearchStrategy[Any]:
    leaves_ = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(),
                        st.text(max_size=10), st.binary(max_size=10))  # fmt: skip
    return st.recursive(
        leaves_, lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text(), inner)
    )


@given(st.integers(0, 12), st.lists(anything(), max_size=10))
def test_no_fields_make_the_decoder_raise(tag: int, fields: list[Any]) -> None:
    frame = msgpack.packb([limits.PROTOCOL_VERSION, tag, *fields])
    for decode in (decode_from_participant, decode_from_coordinator):
        decode(frame)


ENCODER = Encoder()
GOOD_VOTE = Vote(1, "i", "1.1", False, (Reason("a", "no", ("x", 0)),))
GOOD_PREPARE = Prepare("here", 1, "1.1", 0, EMPTY.digest, EMPTY.encoded, 1.0, True)


def changed(message: Message, field: int, value: Any) -> bytes:
    parts = msgpack.unpackb(encode(message))
    parts[2 + field] = value
    frame: bytes = msgpack.packb(parts)
    return frame


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        (0, -1, "Vote.epoch: not a count"),
        (0, True, "Vote.epoch: not a count"),
        (1, "", "Vote.incarnation: not a printable name"),
        (1, "a\nb", "Vote.incarnation: not a printable name"),
        (2, "x" * 200, "Vote.txid: longer than 128 characters"),
        (3, 1, "Vote.yes: not a boolean"),
        (4, {}, "Vote.reasons: not a list of reasons"),
        (4, [["a", "b"]], "Vote.reasons: a reason is not module, message, key, source and code"),
        (
            4,
            [["a", "b", [-1], None, "invalid"]],
            "Vote.reasons: a step of a reason's key is neither",
        ),
        (4, [["a", "b", [], 7, "invalid"]], "Vote.reasons: not a string"),
        (4, [["a", "b", [], None, "nonsense"]], "Vote.reasons: a reason's code is none"),
        (4, [["a", "b", [], None, []]], "Vote.reasons: a reason's code is none"),
        (4, [["a", "b" * 8000, [], None, "disk"]] * 20, "Vote.reasons: too much text"),
        (4, [["a", "b", [], None, "disk"]] * 2000, "Vote.reasons: not a list of reasons"),
    ],
)
def test_a_wrong_field_is_named(field: int, value: Any, why: str) -> None:
    found = decode_from_participant(changed(GOOD_VOTE, field, value))
    assert isinstance(found, Malformed)
    assert why in found.why


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        (0, "a\nb", "Prepare.ledger: not a ledger's identity"),
        (4, "00" * 32, "Prepare.digest: not that of the candidate"),
        (4, "zz" * 32, "Prepare.digest: not a digest"),
        (5, "text", "Prepare.candidate: not an encoded configuration"),
        (6, float("nan"), "Prepare.allowed: not a number of seconds"),
        (6, -1.0, "Prepare.allowed: not a number of seconds"),
        (8, [["a", "b"]], "Prepare.arguments: an argument is not origin, key and value"),
        (8, [["a", "b", "c"]] * 300, "Prepare.arguments: not a list of arguments"),
        (8, [["a", "b", "c" * 100_000]] * 2, "Prepare.arguments: too much text"),
    ],
)
def test_a_wrong_prepare_is_refused(field: int, value: Any, why: str) -> None:
    found = decode_from_coordinator(changed(GOOD_PREPARE, field, value))
    assert isinstance(found, Malformed)
    assert why in found.why


def test_an_admit_of_another_configuration_than_it_says_is_refused() -> None:
    runs, other = Configuration.of({"x": 1}), Configuration.of({"x": 2})
    good = Admit("here", 1, "s", 3, runs.digest, runs.encoded, ())
    assert decode_from_coordinator(encode(good)) == good
    answer = decode_from_coordinator(encode(good._replace(digest=other.digest)))
    assert answer == Malformed("Admit.digest: not that of the configuration")


def test_frames_are_bounded() -> None:
    found = decode_from_participant(b"x" * (limits.PARTICIPANT_FRAME_BYTES + 1))
    assert isinstance(found, Malformed)
    assert "at most" in found.why


def test_another_protocol_version_is_refused() -> None:
    parts = msgpack.unpackb(encode(GOOD_VOTE))
    parts[0] = limits.PROTOCOL_VERSION + 1
    found = decode_from_participant(msgpack.packb(parts))
    assert isinstance(found, Malformed)
    assert "protocol version" in found.why


def test_the_line_of_a_value_does_not_travel() -> None:
    told = GOOD_VOTE._replace(reasons=(Reason("a", "no", ("x",), Origin("f", 1)),))
    found = decode_from_participant(encode(told))
    assert isinstance(found, Vote)
    assert found.reasons[0].origin == Origin("f")


def test_an_encoder_goes_on_after_what_cannot_be_sent() -> None:
    with pytest.raises(TypeError):
        ENCODER.encode(GOOD_VOTE._replace(txid=object()))  # type: ignore[arg-type]
    assert ENCODER.encode(GOOD_VOTE) == encode(GOOD_VOTE)
