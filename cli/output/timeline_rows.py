# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a picture of a change is made of, on a terminal and on a page: rows of bars, and sentences.

The input is an entry of docs/json.md, "timeline".  Pure.
"""

import json
from collections.abc import Iterable
from statistics import median
from typing import Any, NamedTuple

from protocol.reasons import from_json

Entry = dict[str, Any]

JUDGE, APPLY, DISK, WAIT = "judge", "apply", "disk", "wait"
"""Kinds of bars."""
GOOD, BAD, OPEN, PLAIN = "good", "bad", "open", "plain"
"""How a bar ends."""

_VOTES = {
    "yes": "yes after",
    "no": "no after",
    "lost": "lost after",
    "late": "no answer in",
    "excused": "had no vote any more after",
}
_SMALL = 0.005
"""Share of the whole below which it is not told that a change was in line."""

_NOTABLE = 0.05
"""Share from which on the time is told that nobody else took."""


class Bar(NamedTuple):
    """From one moment to another, in seconds from the request."""

    begin: float
    end: float
    kind: str
    ending: str


class Row(NamedTuple):
    """A name, its bars, and what they say in words."""

    name: str
    bars: tuple[Bar, ...]
    note: str
    well: bool = True
    seconds: float = 0.0
    """How long it was waited for."""


class Pace(NamedTuple):
    """One member over several changes; in seconds, None where there was nothing to measure."""

    name: str
    asked: int
    typical: float | None
    longest: float | None
    applying: float | None
    """The longest."""
    refused: int
    missed: int
    """How often it was lost or late."""
    not_applied: int


def duration(seconds: float) -> str:
    """For people.

    >>> [duration(1.5), duration(0.0123), duration(0.00042), duration(75)]
    ['1.50 s', '12.3 ms', '0.42 ms', '75.0 s']
    """
    if seconds >= 10:
        return f"{seconds:.1f} s"
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 0.001:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.2f} ms"


def title(entry: Entry) -> str:
    """What became of it."""
    dry = "dry run, " if entry.get("moments", {}).get("dry_run") else ""
    match entry["result"]:
        case "committed":
            end = f"generation {entry['generation']}, committed"
        case "partial":
            names = ", ".join(entry.get("not_applied", ()))
            by = f" by {names}" if names else " by all"
            end = f"generation {entry['generation']}, committed, not applied{by}"
        case "refused" if entry["base"]:
            end = f"refused; generation {entry['base']} stayed in force"
        case "undecided":
            end = "in progress"
        case "valid":
            end = "all would accept it"
        case "unchanged":
            end = f"unchanged: generation {entry['base']} was this already"
        case other:
            end = str(other)
    return f"{dry}{end}{_undone(entry)}"


def _undone(entry: Entry) -> str:
    """By which generation, and why: a guest is not told that."""
    if not entry.get("undone_by"):
        return ""
    why = f": {entry['undone_why']}" if entry.get("undone_why") else ""
    return f"; undone by generation {entry['undone_by']}{why}"


def rows(entry: Entry) -> list[Row]:
    """All of them, in the order of what happens; none where the moments are not kept."""
    moments = entry.get("moments")
    if moments is None:
        return []
    whole = moments["seconds"]
    found = []
    begun, asked = moments.get("begun", 0.0), moments.get("asked")
    if begun > _SMALL * whole:
        found.append(Row("in line", (Bar(0.0, begun, WAIT, PLAIN),), duration(begun)))
    until = whole if asked is None else asked
    note = duration(until - begun)
    came = [member["name"] for member in moments.get("came", ())]
    if came:
        note += f", waiting for {', '.join(came)}"
    unanswered = asked is None and "ended" not in moments
    bar = Bar(begun, until, WAIT, OPEN if unanswered else PLAIN)
    found.append(Row("candidate", (bar,), note))
    if "force" in moments:
        forced = moments.get("forced")
        end = whole if forced is None else forced
        written = forced is not None or "cause" not in moments
        ending = PLAIN if forced is not None else OPEN if written else BAD
        note = duration(end - moments["force"]) + ("" if written else ", failed")
        found.append(Row("disk", (Bar(moments["force"], end, DISK, ending),), note, written))
    members = [_member(member, moments) for member in moments["members"]]
    return [*(row for row in found if row.name != "disk"), *members,
            *(row for row in found if row.name == "disk")]  # fmt: skip


def _member(member: dict[str, Any], moments: dict[str, Any]) -> Row:
    bars, notes, well, waited = [], [], True, 0.0
    whole, asked = moments["seconds"], member.get("asked")
    vote, why = member.get("vote", ""), member.get("why", "")
    if asked is not None:
        voted = member.get("voted", whole)
        waited = voted - asked
        ending = GOOD if vote == "yes" else BAD if vote else OPEN
        well = vote in ("yes", "")
        bars.append(Bar(asked, voted, JUDGE, ending))
        notes.append(f"{_VOTES.get(vote, 'no answer yet,')} {duration(waited)}")
    elif vote:
        notes.append("was not asked: it owed an older answer")
        well = vote == "yes"
    if vote not in ("yes", "") and why:
        notes[-1] += f" ({why})"
    commit, ok = moments.get("commit"), member.get("ok")
    if commit is not None and (asked is not None or ok is not None):
        applied = max(commit, member.get("applied", member.get("lost", whole)))
        waited = max(waited, applied - commit)
        ending = OPEN if ok is None else GOOD if ok else BAD
        bars.append(Bar(commit, applied, APPLY, ending))
        if ok is None:
            notes.append("not applied yet")
        elif ok:
            notes.append(f"applied after {duration(applied - commit)}")
        else:
            well = False
            notes.append(f"not applied ({why})" if why else "not applied")
    return Row(member["name"], tuple(bars), ", ".join(notes), well, waited)


def waits(entry: Entry) -> list[str]:
    """What the time went into, the longest first, and for whom it was waited."""
    moments = entry.get("moments")
    if moments is None:
        return []
    whole, found = moments["seconds"], []
    begun, asked = moments.get("begun", 0.0), moments.get("asked", moments["seconds"])
    if begun > _SMALL * whole:
        found.append((begun, "in line, behind other changes"))
    found.append((asked - begun, "the candidate, and members on their way"))
    if "asked" in moments:
        end = moments.get("force", whole)
        found.append((end - asked, f"the votes{_last(moments, 'voted', asked)}"))
    if "force" in moments:
        found.append((moments.get("forced", whole) - moments["force"], "the disk"))
    if "commit" in moments:
        commit = moments["commit"]
        found.append((whole - commit, f"the commits{_last(moments, 'applied', commit)}"))
    rest = whole - sum(seconds for seconds, _ in found)
    found.append((rest if rest > _NOTABLE * whole else 0.0, "the broker"))
    found.sort(key=lambda wait: wait[0], reverse=True)
    return [f"{duration(seconds)} {what}" for seconds, what in found if seconds > _SMALL * whole]


def _last(moments: dict[str, Any], name: str, since: float) -> str:
    """Of which so much was for the last one alone, where that is worth a word."""
    ends = sorted((member.get(name, moments["seconds"]), member["name"])
                  for member in moments["members"])  # fmt: skip
    if not ends:
        return ""
    last, who = ends[-1]
    before = ends[-2][0] if len(ends) > 1 else since
    alone = last - max(before, since)
    if len(ends) == 1 or alone < 0.2 * (last - since):
        return ""
    return f", {duration(alone)} of it for {who} alone"


def value(change: dict[str, Any], side: str) -> str:
    """The `old` or `new` value of a key; one that was cut is text already."""
    found = change[side]
    text = isinstance(found, str) and change.get("cut", False)
    return found if text else json.dumps(found, ensure_ascii=False)


def reasons(entry: Entry) -> list[str]:
    """Why it was refused, and what was warned of."""
    return [
        *(from_json(reason) for reason in entry.get("reasons", ())),
        *(f"warning: {from_json(warning)}" for warning in entry.get("warnings", ())),
    ]


def paces(entries: Iterable[Entry]) -> list[Pace]:
    """Every member of these changes, the slowest first."""
    judged: dict[str, list[float]] = {}
    applied: dict[str, list[float]] = {}
    counts: dict[str, list[int]] = {}
    for entry in entries:
        moments = entry.get("moments", {"members": ()})
        for member in moments["members"]:
            name, vote = member["name"], member.get("vote", "")
            count = counts.setdefault(name, [0, 0, 0, 0])
            count[0] += "asked" in member
            count[1] += vote == "no"
            count[2] += vote in ("lost", "late", "excused")
            count[3] += member.get("ok") is False
            if "asked" in member and "voted" in member:
                judged.setdefault(name, []).append(member["voted"] - member["asked"])
            if "applied" in member and "commit" in moments:
                applied.setdefault(name, []).append(member["applied"] - moments["commit"])
    found = []
    for name, (asked, refused, missed, not_applied) in counts.items():
        votes, commits = judged.get(name), applied.get(name)
        found.append(
            Pace(
                name,
                asked,
                median(votes) if votes else None,
                max(votes) if votes else None,
                max(commits) if commits else None,
                refused,
                missed,
                not_applied,
            )
        )
    found.sort(key=lambda pace: (-(pace.longest or 0.0), pace.name))
    return found
