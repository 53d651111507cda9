# SPDX-License-Identifier: LGPL-3.0-or-later
"""Sizes in bytes, and the integers that Flux cuts: every sentence of the grammar."""

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from participant.settings.types import ByteSize, Int32, at_least
from protocol.formats.byte_size import LARGEST, format_byte_size, parse_byte_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1500", 1500),
        ("10M", 10 * 2**20),
        ("512k", 512 * 2**10),
        ("512K", 512 * 2**10),
        ("3G", 3 * 2**30),
        ("3T", 3 * 2**40),
        ("3P", 3 * 2**50),
        ("3E", 3 * 2**60),
        ("0x1000", 4096),
        ("0X1fK", 31 * 1024),
        ("0x1E", 30),
        ("010", 8),
        ("010K", 8 * 1024),
        ("08", 8),
        ("09.5", 9),
        (" 64K", 64 * 1024),
        ("+5", 5),
        ("2.5M", 2621440),
        (".5K", 512),
        ("1e3", 1000),
        ("0x1.8p3", 12),
        ("0.9", 0),
        ("-0", 0),
        ("-0.0", 0),
        ("18446744073709551615", LARGEST),
    ],
)
def test_it_reads_what_flux_reads(text: str, size: int) -> None:
    assert parse_byte_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "M", "10MM", "10MB", "10 M", "10M ", "large", "-5", "-0.1K", "inf", "infinity", "nan",
     "1_000", "1,5M", "10m", "10g", "0x", "1e", "٣"],
)  # fmt: skip
def test_it_refuses_what_flux_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size: "):
        parse_byte_size(text)


@pytest.mark.parametrize(
    "text", ["16E", "18446744073709551616", "1e999", "9" * 9999, "0x" + "f" * 9999, "1e30M"]
)
def test_what_no_counter_holds_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is too large: at most 18446744073709551615 bytes"):
        parse_byte_size(text)


@given(st.integers(0, LARGEST))
def test_what_is_printed_is_read_back(size: int) -> None:
    assert parse_byte_size(format_byte_size(size)) == size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (1500, "1500"),
        (1536, "1536"),
        (2048, "2K"),
        (2**63, "8E"),
        (LARGEST, str(LARGEST)),
    ],
)
def test_it_prints_exactly(size: int, text: str) -> None:
    assert format_byte_size(size) == text


@pytest.mark.parametrize("size", [-1, LARGEST + 1])
def test_what_is_no_size_is_not_printed(size: int) -> None:
    with pytest.raises(ValueError, match="is not a size in bytes"):
        format_byte_size(size)


def test_a_setting_gives_bytes() -> None:
    adapter: TypeAdapter[int] = TypeAdapter(ByteSize)
    assert adapter.validate_python("10M") == 10485760
    with pytest.raises(ValidationError, match="is not a size"):
        adapter.validate_python("10MB")
    with pytest.raises(ValidationError, match="string"):
        adapter.validate_python(10)


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        (7, 7),
        (-7, -7),
        (2147483647, 2147483647),
        (2147483648, -2147483648),
        (4294967295, -1),
        (4294967296, 0),
        (4294967297, 1),
        (-2147483649, 2147483647),
    ],
)
def test_an_integer_is_cut_to_32_bits(written: int, seen: int) -> None:
    adapter: TypeAdapter[int] = TypeAdapter(Int32)
    assert adapter.validate_python(written, strict=True) == seen


@pytest.mark.parametrize("value", [8.0, "8", True, [8], {}])
def test_only_an_integer_is_an_integer(value: object) -> None:
    adapter: TypeAdapter[int] = TypeAdapter(Int32)
    with pytest.raises(ValidationError, match="integer"):
        adapter.validate_python(value, strict=True)


def test_a_bound_judges_the_cut_value() -> None:
    adapter: TypeAdapter[int] = TypeAdapter(Annotated[Int32, at_least(1)])
    assert adapter.validate_python(4294967297, strict=True) == 1
    with pytest.raises(ValidationError, match="must be 1 or more, not 0"):
        adapter.validate_python(4294967296, strict=True)
