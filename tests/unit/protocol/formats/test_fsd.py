# SPDX-License-Identifier: LGPL-3.0-or-later
"""Durations: every sentence of the grammar, and the number part against C's own strtod."""

import ctypes
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from participant import FSD, Field
from participant.settings.model import Settings, read_table
from protocol.formats.fsd import format_fsd, parse_fsd
from protocol.reasons import Refusal

HOW_TO_WRITE = 'write a number and one of the units ms, s, m, h, d, as in "2.5s", or "infinity"'
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5),
        (".5", 0.5),
        ("5.", 5),
        ("1e3", 1000),
        ("1E+3s", 1000),
        ("0x10", 16),
        ("0X1.8p1m", 180),
        ("0x10d", 269),  # the d is a digit, as for strtod
        ("0x1p0d", 86400),
        ("2s", 2),
        ("1.5m", 90),
        ("100ms", 0.1),
        ("2h", 7200),
        ("1d", 86400),
        ("5.m", 300),
        ("\t\n 7s", 7),
        ("+7s", 7),
        ("", 0),
        ("s", 0),
        ("ms", 0),
        ("d", 0),
        ("0", 0),
        ("-0", 0),
        ("-0.0h", 0),
        ("inf", math.inf),
        ("INFinity", math.inf),
        ("+inf", math.inf),
        ("1e999", math.inf),
        ("0x1p99999", math.inf),
        ("9" * 300, float("9" * 300)),
    ],
)
def test_it_reads_what_flux_reads(text: str, seconds: float) -> None:
    assert parse_fsd(text) == seconds
    assert math.copysign(1, parse_fsd(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "-1", "-2s", "-inf", "nan", "NaN", "nan(1)", "infs", "infinityd", "1e999s",
        "5 s", "5s ", " ", " s", "-", "+", "-s", ".", ".s", "1h30m", "2sec", "100us", "1min",
        "1w", "30M", "1MS", "1S", "1_800s", "1,5h", "1e", "1e+", "0x", "0x.", "0x1p", "1p3",
        "PT30M", "00:30:00", "infinite", "1ſ", "٣s", "1s\n", "x" * 5000,
    ],
)  # fmt: skip
def test_it_refuses_what_flux_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration") as refused:
        parse_fsd(text)
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("-2s", '"-2s" is not a duration: it must not be negative'),
        ("infs", '"infs" is not a duration: infinity has no unit'),
        (
            "2sec",
            f'"2sec" is not a duration: {HOW_TO_WRITE}',
        ),
    ],
)
def test_the_sentence_says_what_is_wrong(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match="duration") as refused:
        parse_fsd(text)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (-0.0, "0s"), (0.05, "50ms"), (0.1, "0.1s"), (2, "2s"), (59.5, "59.5s"),
        (60, "1m"), (90, "1.5m"), (3600, "1h"), (5400, "1.5h"), (86400, "1d"), (36 * 3600, "1.5d"),
        (math.inf, "infinity"), (1 / 3, "0.333333s"), (1e30, "1.15741e+25d"),
    ],
)  # fmt: skip
def test_it_prints_as_flux_prints(seconds: float, text: str) -> None:
    assert format_fsd(seconds) == text


@pytest.mark.parametrize("seconds", [-1.0, math.nan, -math.inf])
def test_what_is_no_duration_is_not_printed(seconds: float) -> None:
    with pytest.raises(ValueError, match="is not a duration in seconds"):
        format_fsd(seconds)


@given(st.floats(min_value=0, max_value=1e300))
def test_what_is_printed_is_read_back(seconds: float) -> None:
    assert parse_fsd(format_fsd(seconds)) == pytest.approx(seconds, rel=1e-5)


def _like_flux(text: str) -> float | None:
    """The rule of flux-core, with strtod itself; None for refused."""
    strtod = ctypes.CDLL(None).strtod
    strtod.restype = ctypes.c_double
    strtod.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p)]
    buffer = ctypes.create_string_buffer(text.encode())
    end = ctypes.c_void_p()
    number = strtod(ctypes.cast(buffer, ctypes.c_char_p), ctypes.byref(end))
    rest = buffer.raw[(end.value or 0) - ctypes.addressof(buffer) : -1].decode(errors="replace")
    if math.isnan(number) or number < 0:
        return None
    if not rest:
        return float(number)
    if math.isinf(number) or rest not in UNITS:
        return None
    return float(number) * UNITS[rest]


@given(st.text(alphabet=" \t+-.0123459aefinxpdhmstyINFXPES_,", max_size=12))
@example("0x1p3d")
@example("1e5d")
@example("infinity")
@example("0x.8ms")
def test_it_agrees_with_strtod(text: str) -> None:
    expected = _like_flux(text)
    if expected is None:
        with pytest.raises(ValueError, match="is not a duration"):
            parse_fsd(text)
    else:
        assert parse_fsd(text) == expected


class _Probe(Settings):
    period: FSD = Field("2s", validate_default=True, description="time between two beats")


def test_a_setting_takes_a_string_and_gives_seconds() -> None:
    assert _Probe().period == 2.0
    settings = read_table(_Probe, {"period": "1.5m"}, ("probe",), "probe")
    assert isinstance(settings, _Probe)
    assert settings.period == 90.0


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (2, 'must be a string, such as "2s"'),
        (2.0, 'must be a string, such as "2s"'),
        (True, 'must be a string, such as "2s"'),
        (["2s"], 'must be a string, such as "2s"'),
        ("-2s", '"-2s" is not a duration: it must not be negative'),
    ],
)
def test_a_setting_refuses_all_else(value: object, message: str) -> None:
    refused = read_table(_Probe, {"period": value}, ("probe",), "probe")
    assert isinstance(refused, Refusal)
    reasons = [(reason.key, reason.message) for reason in refused.reasons]
    assert reasons == [(("probe", "period"), message)]


def test_its_description_is_a_string_with_a_format() -> None:
    shown = _Probe.model_json_schema()["properties"]["period"]
    assert (shown["type"], shown["format"], shown["default"]) == ("string", "fsd", "2s")


def test_a_number_is_refused_also_by_pydantic_alone() -> None:
    with pytest.raises(ValidationError, match="string"):
        TypeAdapter(FSD).validate_python(2)
