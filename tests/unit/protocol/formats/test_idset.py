# SPDX-License-Identifier: LGPL-3.0-or-later
"""Idsets: every sentence of the grammar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from participant.settings.types import IdSet
from protocol.formats.idset import LARGEST_ID, Ids


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", []),
        ("[]", []),
        (",", []),
        ("0", [0]),
        ("0-3", [0, 1, 2, 3]),
        ("[0-1,7]", [0, 1, 7]),
        ("0,2,4,7-9", [0, 2, 4, 7, 8, 9]),
        ("0,,2", [0, 2]),
        (",0", [0]),
        ("0,", [0]),
        ("2147483647", [LARGEST_ID]),
        ("4294967296", [0]),
        ("4294967297-4294967299", [1, 2, 3]),
        ("18446744069414584320", [0]),
    ],
)
def test_it_reads_what_flux_reads(text: str, ids: list[int]) -> None:
    assert list(Ids.parse(text)) == ids
    assert len(Ids.parse(text)) == len(ids)
    assert list(Ids.parse(str(Ids.parse(text)))) == ids


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1,1", '"1" does not ascend'),
        ("2,1", '"1" does not ascend'),
        ("0-3,3", '"3" does not ascend'),
        ("1,4294967296", '"4294967296" does not ascend'),
        ("3-0", 'the range "3-0" does not ascend'),
        ("3-3", 'the range "3-3" does not ascend'),
        ("0-4294967296", 'the range "0-4294967296" does not ascend'),
        ("+1", '"+1" is neither a number nor a range of numbers'),
        ("-1", '"-1" is neither a number nor a range of numbers'),
        ("1-", '"1-" is neither a number nor a range of numbers'),
        ("1-2-3", '"1-2-3" is neither a number nor a range of numbers'),
        ("01", '"01" is neither a number nor a range of numbers'),
        ("0x3", '"0x3" is neither a number nor a range of numbers'),
        ("0;1", '"0;1" is neither a number nor a range of numbers'),
        ("0, 1", '" 1" is neither a number nor a range of numbers'),
        ("1.0", '"1.0" is neither a number nor a range of numbers'),
        ("٣", '"٣" is neither a number nor a range of numbers'),
        ("all", '"all" is neither a number nor a range of numbers'),
        ("[", '"[" is neither a number nor a range of numbers'),
        ("[0-3", '"[0-3" is neither a number nor a range of numbers'),
        ("0-3]", '"0-3]" is neither a number nor a range of numbers'),
        ("[[0]]", '"[0]" is neither a number nor a range of numbers'),
        ("2147483648", "2147483648 is larger than 2147483647"),
        ("4294967294", "4294967294 is larger than 2147483647"),
        ("18446744073709551616", '"18446744073709551616" does not fit 64 bits'),
        ("9" * 9999, f'"{"9" * 60}…" does not fit 64 bits'),
    ],
)
def test_it_refuses_what_flux_refuses(text: str, why: str) -> None:
    with pytest.raises(ValueError, match="is not an idset: ") as refused:
        Ids.parse(text)
    assert str(refused.value).endswith(f" is not an idset: {why}")


def test_a_large_set_is_one_range() -> None:
    everything = Ids.parse("0-2147483647")
    assert len(everything) == 2**31
    assert LARGEST_ID in everything
    assert str(everything) == "0-2147483647"


_sets = st.sets(st.integers(0, 40))


def _ids(numbers: set[int]) -> Ids:
    return Ids.parse(",".join(map(str, sorted(numbers))))


@given(_sets)
def test_what_is_printed_is_read_back(numbers: set[int]) -> None:
    ids = _ids(numbers)
    assert list(ids) == sorted(numbers)
    assert Ids.parse(str(ids)) == ids
    assert Ids.parse(f"[{ids}]") == ids
    assert [number for number in range(-1, 42) if number in ids] == sorted(numbers)


@given(_sets, _sets)
def test_the_union_is_that_of_the_members(one: set[int], other: set[int]) -> None:
    assert _ids(one) | _ids(other) == _ids(one | other)
    assert len(_ids(one) | _ids(other)) == len(one | other)


@given(st.text(alphabet="[]0139-, +", max_size=12))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        ids = Ids.parse(text)
    except ValueError:
        with pytest.raises(ValueError, match="is not an idset: "):
            Ids.parse(text)
        return
    assert Ids.parse(str(ids)) == ids


def test_a_setting_gives_ids() -> None:
    adapter: TypeAdapter[Ids] = TypeAdapter(IdSet)
    assert list(adapter.validate_python("0-1")) == [0, 1]
    with pytest.raises(ValidationError, match="is not an idset"):
        adapter.validate_python("1-0")
    with pytest.raises(ValidationError, match="string"):
        adapter.validate_python(4)
    assert adapter.json_schema() == {"type": "string", "format": "idset"}
