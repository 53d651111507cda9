# SPDX-License-Identifier: LGPL-3.0-or-later
"""Changes as a page of HTML that needs nothing else: no network, no script.

Whatever comes from a broker is text: control characters are escaped first, then what HTML would
take for its own.  The content security policy forbids the rest, should a mistake be made here.
"""

import time
from collections.abc import Iterable, Sequence
from html import escape

from cli.output.formats import moment, user
from cli.output.timeline_rows import (
    Bar,
    Entry,
    Pace,
    Row,
    duration,
    paces,
    reasons,
    rows,
    title,
    value,
    waits,
)
from cli.output.timeline_style import STYLE
from protocol.reasons import printable

_SLOWEST = 20
_BADGES = {
    "committed": "good",
    "partial": "warn",
    "refused": "bad",
    "unknown": "warn",
    "undecided": "warn",
}
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="color-scheme" content="light dark" />
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'" />
<title>Configuration changes</title>
<style>"""


def page(entries: Sequence[Entry], now: float) -> str:
    """The whole text; the first change is shown open.  `now`: seconds since the Epoch."""
    body = [
        "<header><h1>Configuration changes</h1>",
        f"<p>{_counts(entries)}, drawn {_when(now)}</p></header>",
        "<section>",
        *_key(),
        *(_change(entry, number == 0) for number, entry in enumerate(entries)),
        "</section>",
        *_pace_table(paces(entries)),
    ]
    lines = [_HEAD, STYLE, "</style>", "</head>", "<body><main>", *body, "</main></body>"]
    return "\n".join([*lines, "</html>", ""])


def _safe(text: object) -> str:
    return escape(printable(str(text)))


def _when(at: float) -> str:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    return f'<time datetime="{stamp}">{_safe(moment(at))}</time>'


def _counts(entries: Sequence[Entry]) -> str:
    results = [entry["result"] for entry in entries]
    refused, late = results.count("refused"), results.count("partial")
    told = f"The {len(results)} latest" if len(results) != 1 else "One change"
    if refused:
        told += f", {refused} of them refused" if len(results) > 1 else ", refused"
    return told + (f", {late} not applied by all" if late else "")


# Who was slow


def _pace_table(found: list[Pace]) -> Iterable[str]:
    """The slowest members; none where nobody was asked."""
    if not found:
        return ()
    head = ("member", "asked", "typical answer", "longest answer", "longest to apply", "said no",
            "no answer", "not applied")  # fmt: skip
    longest = max(pace.longest or 0.0 for pace in found) or 1.0
    lines = ["<section><h2>Who was slow</h2>", '<div class="wide"><table class="paces">', "<thead>"]
    lines.append("<tr>" + "".join(f'<th scope="col">{word}</th>' for word in head) + "</tr>")
    lines.append("</thead><tbody>")
    for pace in found[:_SLOWEST]:
        share = 100 * (pace.longest or 0.0) / longest
        counts = "".join(
            f'<td class="{"bad" if count else "none"}">{count}</td>'
            for count in (pace.refused, pace.missed, pace.not_applied)
        )
        lines.append(
            f'<tr><th scope="row">{_safe(pace.name)}</th><td>{pace.asked}</td>'
            f"<td>{_seconds(pace.typical)}</td>"
            f'<td class="longest"><span class="meter" style="width:{share:.1f}%"></span>'
            f"<span>{_seconds(pace.longest)}</span></td>"
            f"<td>{_seconds(pace.applying)}</td>{counts}</tr>"
        )
    lines.append("</tbody></table></div>")
    if len(found) > _SLOWEST:
        lines.append(f"<p>and {len(found) - _SLOWEST} more, all of them faster</p>")
    return (*lines, "</section>")


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else duration(seconds)


# One change


def _key() -> Iterable[str]:
    kinds = (("wait", "plain", "waiting"), ("judge", "good", "judging"),
             ("disk", "plain", "the disk"), ("apply", "good", "applying"),
             ("judge", "bad", "no, no answer, or not applied"))  # fmt: skip
    yield '<ul class="key">'
    for kind, ending, word in kinds:
        yield f'<li><span class="bar {kind} {ending}"></span>{word}</li>'
    yield "</ul>"


def _change(entry: Entry, is_open: bool) -> str:
    moments, who = entry.get("moments"), entry.get("who")
    at = entry["at"] if moments is None else moments["at"]
    badge = _BADGES.get(entry["result"], "plain")
    number = entry.get("generation", "–")
    took = duration(moments["seconds"]) if moments is not None else ""
    command = (who["command"] if who else "") or entry["verb"]
    lines = [
        f'<details class="change"{" open" if is_open else ""}>',
        f'<summary><span class="number">{number}</span>',
        f'<span class="badge {badge}">{_safe(_result(entry))}</span>',
        f'<code class="command">{_safe(command)}</code>',
        f'<span class="took">{took}</span>{_when(at)}</summary>',
        f'<div class="inside"><p class="title">{_safe(title(entry))}</p>',
        *_facts(entry),
        *_reasons(entry),
        *_picture(entry),
        *_changes(entry),
        "</div></details>",
    ]
    return "\n".join(lines)


def _result(entry: Entry) -> str:
    if entry.get("undone_by"):
        return "undone"
    dry = entry.get("moments", {}).get("dry_run")
    return f"dry run, {entry['result']}" if dry else str(entry["result"])


def _facts(entry: Entry) -> Iterable[str]:
    facts = []
    who, moments = entry.get("who"), entry.get("moments")
    if who:
        facts.append(("by", f"{user(who['uid'])}, pid {who['pid']}"))
    if entry.get("message"):
        facts.append(("message", entry["message"]))
    if moments is not None:
        asked = len(moments["members"]) + moments.get("more_members", 0)
        facts.append(("asked", f"{asked} member" + ("s" if asked != 1 else "")))
    spent = waits(entry)
    if spent:
        facts.append(("waited for", "; ".join(spent)))
    if entry["txid"]:
        facts.append(("transaction", entry["txid"]))
    yield "<dl>"
    for name, fact in facts:
        yield f"<div><dt>{name}</dt><dd>{_safe(fact)}</dd></div>"
    yield "</dl>"


def _picture(entry: Entry) -> Iterable[str]:
    found = rows(entry)
    if not found:
        yield '<p class="none">Its moments are not kept.</p>'
        return
    whole = entry["moments"]["seconds"]
    yield '<div class="wide"><table class="picture"><thead><tr><th></th>'
    marks = "".join(f"<span>{duration(whole * part / 4)}</span>" for part in range(1, 5))
    yield f'<th class="axis"><span>0</span>{marks}</th><th></th></tr></thead><tbody>'
    for row in found:
        bars = "".join(_bar(bar, whole) for bar in row.bars)
        yield (
            f'<tr{_marked(row)}><th scope="row">{_safe(row.name)}</th>'
            f'<td class="track">{bars}</td><td class="note">{_safe(row.note)}</td></tr>'
        )
    yield "</tbody></table></div>"
    more = entry["moments"].get("more_members")
    if more:
        yield f"<p>and {more} members more, none of them slower or worse</p>"


def _marked(row: Row) -> str:
    return "" if row.well else ' class="unwell"'


def _bar(bar: Bar, whole: float) -> str:
    left, right = (100 * at / whole if whole > 0 else 0.0 for at in (bar.begin, bar.end))
    left = min(left, 99.5)
    width = max(0.5, min(right, 100.0) - left)
    place = f"left:{left:.3f}%;width:{width:.3f}%"
    return f'<span class="bar {bar.kind} {bar.ending}" style="{place}"></span>'


def _reasons(entry: Entry) -> Iterable[str]:
    found = reasons(entry)
    if found:
        yield '<ul class="reasons">'
        yield from (f"<li>{_safe(reason)}</li>" for reason in found)
        yield "</ul>"


def _changes(entry: Entry) -> Iterable[str]:
    found = entry.get("changes", ())
    if not found:
        return
    yield '<div class="wide"><table class="keys"><thead><tr>'
    yield '<th scope="col">key</th><th scope="col">before</th><th scope="col">after</th></tr>'
    yield "</thead><tbody>"
    for change in found:
        sides = "".join(
            f'<td><code class="{side}">{_safe(value(change, side))}</code></td>'
            if side in change
            else '<td class="none">–</td>'
            for side in ("old", "new")
        )
        yield f'<tr><th scope="row"><code>{_safe(change["key"])}</code></th>{sides}</tr>'
    yield "</tbody></table></div>"
    if entry.get("more_changes"):
        yield f"<p>and {entry['more_changes']} more keys</p>"
