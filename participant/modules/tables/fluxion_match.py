# SPDX-License-Identifier: LGPL-3.0-or-later
"""The keys that sched-fluxion-resource and sched-fluxion-feasibility share.

flux-config-sched-fluxion-resource(5), and flux-sched's `resource_match_opts.cpp`,
`dfu_match_policy_factory.cpp`, as of August 2026.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from pydantic import ConfigDict

from participant.module import Reject, Rejects
from participant.modules.tables.base import StrictTable
from participant.modules.tables.conditional import ConditionalModule
from participant.modules.tables.fluxion_text import (
    INT_MAX,
    Text,
    nearest,
    unknown_key,
    unknown_word,
)
from participant.settings.field import Field
from protocol.formats.quoted import quoted

MATCH_POLICIES: Final = (
    "first",
    "firstnodex",
    "high",
    "low",
    "hinode",
    "lonode",
    "hinodex",
    "lonodex",
    "locality",
    "variation",
)
MATCH_FORMATS: Final = (
    "simple",
    "pretty_simple",
    "jgf",
    "jgf_shorthand",
    "rlite",
    "rv1",
    "rv1_nosched",
    "rv1_shorthand",
)
LOAD_FORMATS: Final = ("grug", "hwloc", "jgf", "jgf_shorthand", "rv1exec", "rv1exec_force")
TRAVERSERS: Final = ("simple", "flexible")
MOST: Final = 2_000_000
"""The largest `reserve-vtx-vec` and `update-interval` that is not ignored."""

_WORDS = ("policy", "node_centric", "node_exclusive", "stop_on_1_matches")


class MatchTable(StrictTable):
    """How resources are loaded, matched and written; unknown keys are kept, to be told."""

    model_config = ConfigDict(extra="allow")

    match_policy: Text = Field(
        "first",
        description="which resources come first: first, firstnodex, high, low, hinode, lonode, "
        'hinodex, lonodex, locality, variation, or words as in "policy=low node_centric=true"',
    )
    policy: Text | None = Field(None, description="another name of match-policy; only one may be")
    match_format: Text = Field(
        "rv1_nosched",
        description="how a match is written: simple, pretty_simple, jgf, jgf_shorthand, rlite, "
        "rv1, rv1_nosched or rv1_shorthand",
    )
    load_format: Text = Field(
        "rv1exec",
        description="what load-file is: grug, hwloc, jgf, jgf_shorthand, rv1exec or rv1exec_force",
    )
    load_file: Text | None = Field(None, description="file with the resources")
    load_allowlist: Text | None = Field(
        None, description="types of resources to load from it, with commas between"
    )
    subsystems: Text | None = Field(None, description="subsystems to match against")
    prune_filters: Text | None = Field(
        None, description="HL:LL,…: at HL count the LL below; besides ALL:core and ALL:node"
    )
    reserve_vtx_vec: Text | None = Field(
        None, description="resources to make room for, 1 to 2000000"
    )
    update_interval: Text | None = Field(
        None, description="seconds between updates of the graph, 1 to 2000000"
    )
    traverser: Text = Field("simple", description="how the graph is walked: simple or flexible")


class FluxionMatcher(ConditionalModule):
    """What both modules do with their one table, which has the same keys in both."""

    matches: ClassVar[bool] = True
    """Whether it makes use of the match policy."""
    _given = False

    def prepare(self, new: Any, config: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Refuse at a start what would not load; say, always, what is not what it seems."""
        name, table = self.tables[0], self.table_of(new)
        rejects = list(refusals(table, name, self.matches)) if self.starting else []
        if rejects:
            raise Rejects(rejects)
        for key, message in warnings(table):
            self.warn(message, (key,), name)

    def table_of(self, settings: Any) -> MatchTable:
        """The one table of this module."""
        (field,) = type(settings).model_fields
        table: MatchTable = getattr(settings, field)
        return table

    def commit(self, staged: None) -> None:  # noqa: ARG002
        """What the start found is in force until the next one."""
        if self.starting:
            self._given = self.tables[0] in self.whole

    def stats(self) -> dict[str, Any]:
        """Whether a start found the table."""
        return {"configured": self._given}


def refusals(table: MatchTable, name: str, matches: bool) -> Iterator[Reject]:
    """What keeps the module `name` from loading; `matches`: it makes use of the match policy."""
    for key in table.model_extra or {}:
        yield Reject(unknown_key(key, table), (key,), name)
    if table.policy is not None and "match_policy" in table.model_fields_set:
        yield Reject("is another name of match-policy; give one of them", ("policy",), name)
    for key, text in (("match-policy", table.match_policy), ("policy", table.policy)):
        why = _fault_of_policy(text, matches) if text is not None else None
        if why:
            yield Reject(why, (key,), name)
    if table.traverser not in TRAVERSERS:
        known = nearest(table.traverser, TRAVERSERS)
        yield Reject(f"{quoted(table.traverser)} is no traverser; {known}", ("traverser",), name)
    for key, text in _numbers(table):
        if _is_number(text) and int(text) > INT_MAX:
            yield Reject(f"is more than {INT_MAX}, which the module cannot read", (key,), name)


def warnings(table: MatchTable) -> Iterator[tuple[str, str]]:
    """Keys of which Fluxion silently takes the default, with what is to be said of them."""
    for key, what, known, text in (
        ("match-format", "match format", MATCH_FORMATS, table.match_format),
        ("load-format", "load format", LOAD_FORMATS, table.load_format),
    ):
        if text not in known:
            taken = MatchTable.model_fields[key.replace("-", "_")].default
            yield key, unknown_word(text, what, known, taken)
    for key, text in _numbers(table):
        if not _is_number(text) or not 1 <= int(text) <= MOST:
            told = f"{quoted(text)} is no number from 1 to {MOST}: Fluxion silently ignores it"
            yield key, told
    if table.prune_filters is not None and not table.prune_filters.strip(" "):
        yield "prune-filters", "is empty: Fluxion silently ignores it"


def _numbers(table: MatchTable) -> Iterator[tuple[str, str]]:
    given = (
        ("reserve-vtx-vec", table.reserve_vtx_vec),
        ("update-interval", table.update_interval),
    )
    yield from ((key, text) for key, text in given if text is not None)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 1000


def _fault_of_policy(text: str, matches: bool) -> str | None:
    """Why `text` is no match policy; None where it is one."""
    if text in MATCH_POLICIES:
        return None
    if "=" not in text and " " not in text and text not in _WORDS:
        return f"{quoted(text)} is no match policy; {nearest(text, MATCH_POLICIES)}"
    seen: set[str] = set()
    first = ""
    for part in text.split(" "):
        word, *values = part.split("=")
        why = _fault_of_word(word, values, word in seen)
        if why:
            return why
        seen.add(word)
        first = values[0] if word == "policy" else first
    if matches and not first:
        return "needs policy=low or policy=high: a custom match policy has no default"
    return None


def _fault_of_word(word: str, values: list[str], again: bool) -> str | None:
    if not word:
        return "has a word too few: between two words stands one blank"
    if word not in _WORDS:
        return f"{quoted(word)} is no word of a match policy; {nearest(word, _WORDS)}"
    if not values:
        return f"{word} needs a value, as in {word}={'low' if word == 'policy' else 'true'}"
    wanted = ("low", "high") if word == "policy" else ("true", "false")
    if values[0] not in wanted:
        return f"{word} must be {' or '.join(wanted)}, not {quoted(values[0])}"
    if again and values[0] == "false":
        return f"{word} is given twice"
    return None
