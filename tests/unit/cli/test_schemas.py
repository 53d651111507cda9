# SPDX-License-Identifier: LGPL-3.0-or-later
"""Whatever the values, what is printed is what the schema says."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.api.fields import failure
from coordinator.api.outcome import as_json
from coordinator.comparison.differences import differences
from coordinator.core.results import Outcome, Result
from protocol.configuration import Configuration
from protocol.reason_code import ReasonCode
from protocol.reasons import Origin, Reason
from tests.support.schemas import conforms

texts = st.text(max_size=20)
counts = st.integers(0, 2**40)
seconds = st.floats(0, 1e9)
steps = st.text(max_size=5) | st.integers(0, 9)
origins = st.none() | st.builds(
    Origin, texts, st.none() | st.integers(1, 9), st.none() | st.integers(1, 9)
)
reasons = st.builds(
    Reason,
    texts,
    texts,
    st.lists(steps, max_size=4).map(tuple),
    origins,
    st.sampled_from(ReasonCode),
)
many = st.lists(reasons, max_size=3).map(tuple)
digests = st.just("") | st.text("0123456789abcdef", min_size=64, max_size=64)
outcomes = st.builds(Outcome, st.sampled_from(Result), counts, texts, many, digests, counts,
                     st.lists(texts).map(tuple), seconds, st.none() | seconds, many)  # fmt: skip
values = st.recursive(
    st.booleans() | st.integers(-9, 9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=9,
)
configurations = st.dictionaries(texts, values, max_size=4).map(Configuration.of)


def travelled(document: Any) -> Any:
    return json.loads(json.dumps(document))


@given(reasons)
def test_reasons(reason: Reason) -> None:
    conforms("reason", travelled(reason.as_json()))


@given(outcomes)
def test_outcomes(outcome: Outcome) -> None:
    conforms("outcome", travelled(as_json(outcome)))


@given(texts, st.sampled_from(ReasonCode))
def test_failures(why: str, code: ReasonCode) -> None:
    conforms("failure", travelled({"version": 1, **failure(why, code)}))


@given(configurations, configurations)
def test_changes(old: Configuration, new: Configuration) -> None:
    found = [difference.as_json() for difference in differences(old, new)]
    for change in found:
        conforms("change", travelled(change))


def test_a_field_that_is_not_written_down_is_noticed() -> None:
    with pytest.raises(jsonschema.ValidationError):
        conforms("reason", {**Reason("a", "b").as_json(), "novel": 1})
    with pytest.raises(jsonschema.ValidationError):
        conforms("reason", {**Reason("a", "b").as_json(), "code": "novel"})
