# SPDX-License-Identifier: LGPL-3.0-or-later
"""The page is sound HTML, needs nothing from anywhere, and takes nobody's text for its own."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from cli.output.timeline_page import page
from tests.support.timelines import EVIL, entry, member, without_moments

_INSIDE_ONCE = ("html", "head", "body", "title", "main", "style")
_ALLOWED = {*_INSIDE_ONCE, "meta", "header", "section", "h1", "h2", "p", "time", "ul", "li", "span",
            "details", "summary", "code", "div", "dl", "dt", "dd", "table", "thead", "tbody", "tr",
            "th", "td"}  # fmt: skip


class Strict(HTMLParser):
    """Every tag is known, and closed by its own; what is void says so."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _ALLOWED, tag
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def parsed(text: str) -> Strict:
    found = Strict()
    found.feed(text)
    found.close()
    assert found.open == []
    assert all(found.seen.count(tag) == 1 for tag in _INSIDE_ONCE)
    return found


def changes(evil: str) -> list[dict[str, Any]]:
    late = entry("refused", evil)
    late["moments"]["members"] += [member("late", 1.0, "late"), member("dead", 0.1, "lost",
                                                                       why=evil)]  # fmt: skip
    in_line = entry("undecided", evil)
    in_line["moments"] |= {"begun": 0.3, "came": [{"name": evil, "at": 0.4}], "more_members": 3}
    del in_line["moments"]["ended"]
    return [entry("committed", evil), late, entry("partial", evil, not_applied=[evil]), in_line,
            entry(evil=evil, undone_by=5), without_moments(evil=evil)]  # fmt: skip


@pytest.mark.parametrize("evil", ["plain", EVIL, "</style></script><!-- -->", "]]>\r\n\0"])
def test_it_is_sound_whatever_is_in_it(evil: str) -> None:
    text = page(changes(evil), 1795671800.0)
    found = parsed(text)
    text.encode()
    if evil == EVIL:
        shown = "".join(found.text)
        assert shown.count("<script>alert('x')</script>") > 20, "it is text"
        assert "\\x1b[2J\\u202e\\ud800" in shown


def test_it_needs_nothing_from_anywhere() -> None:
    text = page(changes(EVIL), 0.0)
    assert not re.search(r"https?:|//|url\(|@import|<script|<link|<img|<iframe", text)
    names = {name for name, _ in parsed(text).attributes}
    assert names <= {"lang", "charset", "name", "content", "http-equiv", "class", "style", "scope",
                     "datetime", "open"}  # fmt: skip
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text


def test_it_shows_the_change_the_history_and_who_was_slow() -> None:
    text = " ".join(parsed(page(changes("plain"), 1795671800.0)).text)
    for words in ("The 6 latest, 1 of them refused, 1 not applied by all", "undone", "in progress",
                  "because plain", "no: plain", "Who was slow", "longest answer", "790.0 ms",
                  "yes after", "no answer in", "Its moments are not kept.", "and 2 more keys",
                  "and 3 members more", "waiting for plain"):  # fmt: skip
        assert words in text, words
    assert page(changes("plain"), 0.0).count('<details class="change" open>') == 1


def test_there_may_be_nothing_to_show() -> None:
    assert "The 0 latest" in "".join(parsed(page([], 0.0)).text)
    assert "Who was slow" not in page([without_moments()], 0.0)


def test_many_slow_ones_are_not_all_shown() -> None:
    found = entry()
    found["moments"]["members"] = [member(f"m{number}", 0.5) for number in range(30)]
    text = page([found], 0.0)
    parsed(text)
    assert "and 10 more, all of them faster" in text
