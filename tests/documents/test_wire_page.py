# SPDX-License-Identifier: LGPL-3.0-or-later
"""docs/wire.md is what the codec does: messages, fields, limits, and example bytes.

`REWRITE_VECTORS=1 pytest tests/documents/test_wire_page.py` writes the bytes anew; read the diff.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import msgpack
import pytest

from protocol import limits, messages
from protocol.codec import decode_from_coordinator, decode_from_participant, encode
from protocol.configuration import Configuration
from protocol.messages import Argument, Message
from protocol.reason_code import ReasonCode
from protocol.reasons import Origin, Reason

FILE = Path(__file__).parents[2] / "docs" / "wire.md"
PAGE = FILE.read_text()
ROWS = re.findall(r"^\| (\d+) \| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)
VECTORS = re.findall(r"^```vector (\w+)\n(.*)\n((?:[0-9a-f ]+\n)+)```$", PAGE, re.MULTILINE)


def message_of(name: str, fields: list[Any]) -> Message:
    """The message with these fields, as the page writes them."""
    kind = getattr(messages, name)
    made: Message = kind(*(_value(*pair) for pair in zip(kind._fields, fields, strict=True)))
    return made


def _value(field: str, value: Any) -> Any:
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    if field in ("reasons", "warnings"):
        return tuple(_reason(*parts) for parts in value)
    if field == "arguments" and value is not None:
        return tuple(Argument(*parts) for parts in value)
    return value


def _reason(module: str, message: str, key: list[Any], source: str | None, code: str) -> Reason:
    origin = Origin(source) if source is not None else None
    return Reason(module, message, tuple(key), origin, ReasonCode(code))


def in_lines(frame: bytes) -> str:
    shown = frame.hex(" ").split(" ")
    return "".join(" ".join(shown[at : at + 32]) + "\n" for at in range(0, len(shown), 32))


def test_the_joins_name_the_version_of_the_frames() -> None:
    named = {json.loads(fields)[4] for name, fields, _ in VECTORS if name == "Join"}
    assert named == {limits.PROTOCOL_VERSION}


def test_vectors_of_every_message() -> None:
    assert {name for name, _, _ in VECTORS} == {name for _, name, _ in ROWS}
    if os.environ.get("REWRITE_VECTORS"):
        text = PAGE
        for name, fields, shown in VECTORS:
            frame = in_lines(encode(message_of(name, json.loads(fields))))
            text = text.replace(f"{fields}\n{shown}", f"{fields}\n{frame}")
        FILE.write_text(text)


@pytest.mark.parametrize(("name", "fields", "shown"), VECTORS)
def test_the_example_bytes(name: str, fields: str, shown: str) -> None:
    message, frame = message_of(name, json.loads(fields)), bytes.fromhex(shown)
    assert in_lines(encode(message)) == shown
    ours = decode_from_participant if frame[2] < 5 else decode_from_coordinator
    theirs = decode_from_coordinator if frame[2] < 5 else decode_from_participant
    assert ours(frame) == message
    assert type(ours(frame)) is type(message)
    assert "unexpected tag" in str(theirs(frame))


def test_the_table_of_messages() -> None:
    assert [name for _, name, _ in ROWS] == [
        "Join", "Vote", "Applied", "Leave", "Report",
        "Admit", "Refuse", "Prepare", "Commit", "Abort", "Shutdown", "Inquire",
    ]  # fmt: skip
    for tag, name, fields in ROWS:
        assert tuple(re.findall(r"`(\w+)`", fields)) == getattr(messages, name)._fields
        (vector, *_) = [shown for named, _, shown in VECTORS if named == name]
        version, found, *rest = msgpack.unpackb(bytes.fromhex(vector))
        assert (version, found, len(rest)) == (
            limits.PROTOCOL_VERSION, int(tag), len(getattr(messages, name)._fields)
        )  # fmt: skip


def test_the_encoding_of_a_configuration() -> None:
    block = re.compile(r"^```encoding\n(.*)\n(.*)\n(.*)\n```$", re.MULTILINE)
    ((tree, shown, digest),) = block.findall(PAGE)
    made = Configuration.of(json.loads(tree))
    assert (made.encoded.hex(" "), made.digest) == (shown, digest)


@pytest.mark.parametrize(
    ("said", "limit"),
    [
        ("| version | {}. It", limits.PROTOCOL_VERSION),
        ("| largest frame | {} MiB to the broker", limits.PARTICIPANT_FRAME_BYTES // 2**20),
        ("{} MiB from it", limits.FRAME_BYTES // 2**20),
        ("| waiting | {} frames", limits.FRAMES_QUEUED),
        ("text of 1 to {} characters", limits.NAME_LENGTH),
        ("an array of at most {} arrays: who objects", limits.REASONS_COUNT),
        ("text of at most {} characters; ", 2 * limits.REASON_BYTES),
        ("; {} Ki in all", (limits.REASONS_BYTES + limits.REASON_BYTES) // 1024),
        ("an array of at most {} steps", limits.CONFIGURATION_DEPTH),
        ("(text of at most {}, or none)", limits.SOURCE_LENGTH),
        ("an array of at most {} arrays of three", limits.ARGUMENTS),
        ("; {} characters of keys and values", limits.ARGUMENTS_LENGTH),
        ("(below), at most {} MiB", limits.CONFIGURATION_BYTES // 2**20),
        ("`description` JSON text of at most {} characters", limits.DESCRIPTION_BYTES),
        ("`report` JSON text of at most {} characters", limits.REPORT_LENGTH),
        ("`text` JSON text of at most {} characters", limits.REPORT_LENGTH),
        ("at most {} levels deep", limits.CONFIGURATION_DEPTH),
    ],
)
def test_the_limits(said: str, limit: int) -> None:
    assert said.format(limit) in " ".join(PAGE.split())
