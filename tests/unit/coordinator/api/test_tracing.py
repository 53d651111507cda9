# SPDX-License-Identifier: LGPL-3.0-or-later
"""Messages as `flux module trace` tells of them: whose, which, and nothing that is secret."""

from typing import Any

import pytest

from coordinator.api.fields import BadRequest
from coordinator.api.tracing import line, wanted
from protocol.configuration import Configuration
from protocol.messages import (
    Applied,
    Argument,
    Commit,
    Inquire,
    Join,
    Message,
    Prepare,
    Report,
    Vote,
)
from protocol.reasons import Reason

SECRET = Configuration.of({"pump": {"password": "s3cret"}})
PREPARE = Prepare("l", 1, "1.1", 0, SECRET.digest, SECRET.encoded, 10.0, False,
                  (Argument("load argument", "password", "s3cret"),))  # fmt: skip
NO = Vote(1, "i", "1.1", False, (Reason("pump", "too low", ("pump", "level")),))


@pytest.mark.parametrize(
    ("way", "message", "kind", "topic", "outcome"),
    [
        ("rx", PREPARE, "request", "pump.prepare", None),
        ("rx", Commit("l", 1, "1.1", 2), "request", "pump.commit", None),
        ("rx", Inquire("l", 1, 7), "request", "pump.inquire", None),
        ("tx", Vote(1, "i", "1.1", True), "response", "pump.vote", "success"),
        ("tx", NO, "response", "pump.vote", "refused"),
        ("tx", Applied(1, "i", 2, "d", True), "response", "pump.applied", "success"),
        ("tx", Applied(1, "i", 2, "d", False), "response", "pump.applied", "not applied"),
        ("tx", Report(1, "i", 7, "{}"), "response", "pump.report", "success"),
        ("tx", Join("l", 1, "i", "pump", 2, 0, "", None, 1, "s", "{}"), "request", "pump.join",
         None),
    ],
)  # fmt: skip
def test_lines(way: str, message: Message, kind: str, topic: str, outcome: str | None) -> None:
    told = line(way, "pump", message, 11)
    assert (told["way"], told["type"], told["topic"], told["size"]) == (way, kind, topic, 11)
    assert told.get("outcome") == outcome


def test_reasons_are_told_and_configurations_are_not() -> None:
    assert line("tx", "pump", NO, 1)["payload"]["reasons"] == ["pump: pump.level: too low"]
    payload = line("rx", "pump", PREPARE, 1)["payload"]
    assert "s3cret" not in repr(payload)
    assert payload["digest"] == SECRET.digest


@pytest.mark.parametrize(
    ("request_", "passes"),
    [
        ({}, True),
        ({"names": ["pump", "kvs"]}, True),
        ({"names": ["kvs"]}, False),
        ({"types": ["response"]}, True),
        ({"types": ["request"]}, False),
        ({"topic": "*.vote"}, True),
        ({"topic": "kvs.*"}, False),
    ],
)
def test_filters(request_: dict[str, Any], passes: bool) -> None:
    told = wanted(request_)(line("tx", "pump", NO, 1))
    assert (told is not None) == passes
    if told is not None:
        assert "payload" not in told
        full = wanted({**request_, "full": True})(line("tx", "pump", NO, 1))
        assert full is not None
        assert full["payload"]["txid"] == "1.1"


def test_a_type_that_is_none_of_fluxs() -> None:
    with pytest.raises(BadRequest, match="valid types: request, response, event, control"):
        wanted({"types": ["nope"]})
