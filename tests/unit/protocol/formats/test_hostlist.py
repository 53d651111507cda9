# SPDX-License-Identifier: LGPL-3.0-or-later
"""Host lists: every sentence of the grammar, and lists of millions that cost nothing."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from participant.settings.types import Hostlist
from protocol.formats.hostlist import BRACKET_RANGES, LIST_HOSTS, RANGE_HOSTS, Hosts


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        (" ,\t, ", []),
        ("node0", ["node0"]),
        (",node0,,node1,", ["node0", "node1"]),
        ("node0 node1\tnode2", ["node0", "node1", "node2"]),
        ("b,a,b", ["b", "a", "b"]),
        ("node[0-2]", ["node0", "node1", "node2"]),
        ("node[0,2-3]", ["node0", "node2", "node3"]),
        ("[8-10]", ["8", "9", "10"]),
        ("[001-3]", ["001", "002", "003"]),
        ("n[08-10]", ["n08", "n09", "n10"]),
        ("n[1-2].example.net", ["n1.example.net", "n2.example.net"]),
        ("n[0-1]5", ["n05", "n15"]),
        ("n1[8-12]", ["n18", "n19", "n110", "n111", "n112"]),
        ("node[3-]", ["node3"]),
        ("node[3-3]", ["node3"]),
        ("node[1,1]", ["node1", "node1"]),
        ("node[ 1-+2]", ["node01", "node02"]),
        ("node[+7]", ["node07"]),
        ("r[0-1]n[0-3]", ["r0n[0-3]", "r1n[0-3]"]),
        ("r[0]n[0, 3],x", ["r0n[0, 3]", "x"]),
        ("my_host;/œ", ["my_host;/œ"]),
        ("a\nb", ["a\nb"]),
        # dropped without a word, as in Flux
        ("node18446744073709551616,a", ["a"]),
        ("node18446744073709551615", ["node18446744073709551615"]),
        ("node18446744073709551616-ib", ["node18446744073709551616-ib"]),
        ("h" * 270, ["h" * 270]),
        ("h" * 271, []),
        ("œ" * 136, []),
        ("h" * 269 + "[8-11]", ["h" * 269 + "8", "h" * 269 + "9"]),
    ],
)
def test_it_reads_what_flux_reads(text: str, names: list[str]) -> None:
    hosts = Hosts.parse(text)
    assert list(hosts) == names
    assert len(hosts) == len(names)
    assert list(Hosts.parse(str(hosts))) == names


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("node[0-3", "its brackets are unbalanced or nested"),
        ("node]", "its brackets are unbalanced or nested"),
        ("a, node0]", "its brackets are unbalanced or nested"),
        ("node[0]]", "its brackets are unbalanced or nested"),
        ("node[[0-3]]", "its brackets are unbalanced or nested"),
        ("node[0]x[1", "its brackets are unbalanced or nested"),
        ("node[]", '"" in brackets is neither a number nor a range'),
        ("node[0,]", '"" in brackets is neither a number nor a range'),
        ("node[,0]", '"" in brackets is neither a number nor a range'),
        ("node[0,,1]", '"" in brackets is neither a number nor a range'),
        ("node[-2]", '"-2" in brackets is neither a number nor a range'),
        ("node[1--2]", '"1--2" in brackets is neither a number nor a range'),
        ("node[1-2-3]", '"1-2-3" in brackets is neither a number nor a range'),
        ("node[a-b]", '"a-b" in brackets is neither a number nor a range'),
        ("node[0x1]", '"0x1" in brackets is neither a number nor a range'),
        ("node[1.5]", '"1.5" in brackets is neither a number nor a range'),
        ("node[1 ]", '"1 " in brackets is neither a number nor a range'),
        ("node[٣]", '"٣" in brackets is neither a number nor a range'),
        ("node[3-0]", 'the range "3-0" descends'),
        ("node[0-1048576]", 'the range "0-1048576" has more than 1048576 hosts'),
        ("node[18446744073709551616]", 'the number "18446744073709551616" does not fit 64 bits'),
    ],
)
def test_it_refuses_what_flux_refuses(text: str, why: str) -> None:
    with pytest.raises(ValueError, match="is not a hostlist: ") as refused:
        Hosts.parse(text)
    assert str(refused.value).endswith(f" is not a hostlist: {why}")


def test_everything_has_a_limit() -> None:
    assert len(Hosts.parse(f"n[{','.join('1' for _ in range(BRACKET_RANGES))}]")) == BRACKET_RANGES
    with pytest.raises(ValueError, match="more than 10240 ranges"):
        Hosts.parse(f"n[{','.join('1' for _ in range(BRACKET_RANGES + 1))}]")
    full = ",".join(f"{letter}[1-{RANGE_HOSTS}]" for letter in "abcd")
    assert len(Hosts.parse(full)) == LIST_HOSTS
    with pytest.raises(ValueError, match="names more than 4194304 hosts"):
        Hosts.parse(full + ",e")
    with pytest.raises(ValueError, match="does not fit 64 bits"):
        Hosts.parse(f"n[{'9' * 10000}]")
    assert list(Hosts.parse(f"n[{'0' * 10000}1]")) == []  # a name of 10002 bytes


def test_a_million_hosts_are_not_spelled_out() -> None:
    begin = time.process_time()
    hosts = Hosts.parse("node[0-1048575],x[1-1000000]")
    assert len(hosts) == 2048576
    assert "node1048575" in hosts
    assert "node01048575" not in hosts
    assert str(hosts) == "node[0-1048575],x[1-1000000]"
    assert time.process_time() - begin < 0.5


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("node0,node1,node2", "node[0-2]"),
        ("n1[0-5]", "n[10-15]"),
        ("n[08-9],n10", "n[08-10]"),
        ("n8,n9,n10", "n[8-10]"),
        ("n8,n09", "n[8,09]"),
        ("n0.x, n1.x", "n[0-1].x"),
        ("n[0]5", "n05"),
        ("b,a", "b,a"),
        ("a,a0,a1", "a,a[0-1]"),
        ("[7]", "7"),
        ("r[0]n[1]", "r[0]n[1]"),
    ],
)
def test_it_prints_compactly(text: str, printed: str) -> None:
    assert str(Hosts.parse(text)) == printed
    assert Hosts.parse(printed) == Hosts.parse(text)


_words = st.text(alphabet="ab.-œ0179", max_size=4)
_numbers = st.from_regex(r"\A[ +]?0{0,2}(0|1|9|10|99|100|18446744073709551615)\Z")
_ranges = st.lists(_numbers, min_size=1, max_size=4).map(",".join)
_pairs = st.tuples(st.integers(0, 1200), st.integers(0, 40), st.integers(1, 4)).map(
    lambda drawn: f"{drawn[0]:0{drawn[2]}}-{drawn[0] + drawn[1]}"
)
_bracketed = st.builds(
    lambda prefix, ranges, suffix: f"{prefix}[{ranges}]{suffix}",
    _words,
    st.lists(_pairs | _ranges, min_size=1, max_size=3).map(",".join),
    _words | st.just("n[0-1]"),
)
_lists = st.lists(_words | _bracketed, max_size=6).map(",".join)


@given(_lists)
@example("9[9-100]")
@example("1[18446744073709551615],x[18446744073709551614-18446744073709551615]")
@example("[18446744073709551615]1")
@example("a[9]1[0],a[9]1[0]")
@example("[0][]")
def test_what_is_printed_is_read_back(text: str) -> None:
    hosts = Hosts.parse(text)
    assert list(Hosts.parse(str(hosts))) == list(hosts)
    assert str(Hosts.parse(str(hosts))) == str(hosts)
    assert len(hosts) == len(list(hosts))
    assert all(name in hosts for name in hosts)


@given(st.lists(st.text(alphabet="ab.0189", min_size=1, max_size=6), max_size=12))
def test_equal_lists_print_equally(names: list[str]) -> None:
    one_by_one = ",".join(names)
    assert list(Hosts.parse(one_by_one)) == names
    assert str(Hosts.parse(str(Hosts.parse(one_by_one)))) == str(Hosts.parse(one_by_one))


@given(st.text(alphabet="ab[]0139-, +", max_size=16))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        hosts = Hosts.parse(text)
    except ValueError:
        with pytest.raises(ValueError, match="is not a hostlist: "):
            Hosts.parse(text)
        return
    assert list(Hosts.parse(str(hosts))) == list(hosts)


def test_a_setting_gives_hosts() -> None:
    adapter: TypeAdapter[Hosts] = TypeAdapter(Hostlist)
    assert len(adapter.validate_python("node[0-3]")) == 4
    with pytest.raises(ValidationError, match="is not a hostlist"):
        adapter.validate_python("node[")
    with pytest.raises(ValidationError, match="string"):
        adapter.validate_python(7)
    assert adapter.json_schema() == {"type": "string", "format": "hostlist"}


def test_a_list_has_the_names_that_it_lists_and_no_others() -> None:
    hosts = Hosts.parse("n[1-12,0020].net,solo")
    for name in hosts:
        assert name in hosts
    near = (
        "n2.org", "m2.net", "n.net", "n0.net", "n13.net", "n01.net", "n020.net", "n0021.net",
        "n2.netx", "xn2.net", "n-1.net", "n2", "2.net", "sol", "solo1", "",
    )  # fmt: skip
    assert [name for name in near if name in hosts] == []


def test_the_largest_number_is_one_however_it_is_written() -> None:
    """64 bits hold it, with all of its digits; of one more, those before the brackets are text."""
    largest, more = "n1[8446744073709551615]", "n1[8446744073709551616]"
    assert Hosts.parse(largest) == Hosts.parse(f"n{2**64 - 1}")
    assert [span.prefix for span in Hosts.parse(largest).spans] == ["n"]
    assert [span.prefix for span in Hosts.parse(more).spans] == ["n1"]
