# SPDX-License-Identifier: LGPL-3.0-or-later
"""What flux-core 0.88 accepts and refuses, case by case, against the bundled modules.

The cases are a protocol of a real broker (data/flux-cases.jsonl, one JSON object a line).
It ran on a host called node0; the files that cases name in /etc/flux/system were there and valid,
so here they are made, elsewhere, and the cases are told where.  "live" is the verdict of a running
instance whose configuration was empty, "start" that of a fresh one.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from coordinator.files.parsing import merge
from coordinator.files.reading import Source, Unreadable, read_sources
from participant.loader import load
from participant.module import Module
from participant.modules import BUNDLED
from protocol.configuration import EMPTY, Configuration
from protocol.reasons import Refusal

CASES: Final = Path(__file__).parent / "data" / "flux-cases.jsonl"
EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "system-conf.d"
DIFFERENCES: Final = Path(__file__).parents[2] / "docs" / "flux-compat.md"
ETC: Final = "/etc/flux/system"

STRICTER: Final = {"toml-037", "toml-045"}
"""Refusal here on purpose: docs/flux-compat.md says why."""

Moment = Literal["live", "start"]
MOMENTS: Final[tuple[Moment, ...]] = ("live", "start")


@dataclass(frozen=True)
class Verdict:
    """One case at one moment: what flux-core said and what we say."""

    case: Mapping[str, Any]
    moment: Moment
    refused_by: Mapping[str, tuple[str, ...]]

    @property
    def agrees(self) -> bool:
        return bool(self.refused_by) == bool(self.case[self.moment] == "reject")


def write_surroundings(directory: Path) -> None:
    """The files that the recorded host had."""
    r = {
        "version": 1,
        "execution": {
            "R_lite": [{"rank": "0-1", "children": {"core": "0-1"}}],
            "starttime": 0.0,
            "expiration": 0.0,
            "nodelist": ["node[0-1]"],
        },
    }
    (directory / "R").write_text(json.dumps(r))
    (directory / "scheduling.json").write_text('{"graph": {"nodes": [], "edges": []}}')
    keys = "".join(f'    {kind}-key = "{"0" * 40}"\n' for kind in ("public", "secret"))
    (directory / "curve.cert").write_text(f'metadata\n    name = "node0"\ncurve\n{keys}')
    (directory / "curve.cert").chmod(0o600)


def modules_on(host: str) -> dict[str, Module]:
    """All modules of flux-core's own, just created, on a host of this name."""
    return {
        name: type(name, (load(name),), {"name": name, "host_name": lambda _: host})()
        for name in BUNDLED
        if not name.startswith("sched-fluxion")  # the recorded host had none
    }


def refusals(
    candidate: Configuration, moment: Moment, host: str = "node0"
) -> dict[str, tuple[str, ...]]:
    """The modules that refuse the candidate, with their reasons."""
    refused: dict[str, tuple[str, ...]] = {}
    for name, module in modules_on(host).items():
        if moment == "live":
            first = module.judge(EMPTY)
            assert not isinstance(first, Refusal)
            module.take(first)
        found = module.judge(candidate)
        if isinstance(found, Refusal):
            refused[name] = tuple(map(str, found.reasons))
    return refused


def read_case(case: Mapping[str, Any], etc: Path, scratch: Path) -> Configuration:
    """The configuration in a case.  Raises Unreadable."""
    if "toml" in case:
        text = case["toml"].replace(ETC, str(etc))
        return merge([Source("case.toml", text.encode(), "toml")])
    directory = scratch / case["id"]
    directory.mkdir()
    for name, text in case["files"].items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
    return merge(read_sources(str(directory)))


def judge(case: Mapping[str, Any], etc: Path, scratch: Path) -> Iterator[Verdict]:
    try:
        candidate = read_case(case, etc, scratch)
    except Unreadable as unreadable:
        reasons = tuple(map(str, unreadable.reasons))
        for moment in MOMENTS:
            yield Verdict(case, moment, {"config": reasons})
        return
    for moment in MOMENTS:
        yield Verdict(case, moment, refusals(candidate, moment))


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> list[Verdict]:
    etc, scratch = tmp_path_factory.mktemp("etc"), tmp_path_factory.mktemp("cases")
    write_surroundings(etc)
    cases = [json.loads(line) for line in CASES.read_text().splitlines()]
    return [verdict for case in cases for verdict in judge(case, etc, scratch)]


def table_of(verdicts: list[Verdict]) -> str:
    """Agreement, a line for each group of cases."""
    counts: dict[str, dict[Moment, list[bool]]] = defaultdict(lambda: {"live": [], "start": []})
    for verdict in verdicts:
        for group in (verdict.case["id"].rpartition("-")[0], "all"):
            counts[group][verdict.moment].append(verdict.agrees)
    lines = [f"{'table':16}{'live':>12}{'start':>12}"]
    for group, moments in sorted(counts.items(), key=lambda item: (item[0] == "all", item[0])):
        cells = (f"{sum(agrees)}/{len(agrees)}" for agrees in moments.values())
        lines.append(f"{group:16}" + "".join(f"{cell:>12}" for cell in cells))
    return "\n".join(lines)


@pytest.mark.parametrize(("moment", "least"), [("live", 0.97), ("start", 0.95)])
def test_we_agree_with_flux(verdicts: list[Verdict], moment: Moment, least: float) -> None:
    print(table_of(verdicts))
    agreement = [verdict.agrees for verdict in verdicts if verdict.moment == moment]
    assert len(agreement) == 551
    assert sum(agreement) / len(agreement) >= least, table_of(verdicts)


def test_where_we_differ_is_written_down(verdicts: list[Verdict]) -> None:
    differing = {
        f"{verdict.case['id']} {verdict.moment}: {verdict.refused_by}"
        for verdict in verdicts
        if not verdict.agrees and verdict.case["id"] not in STRICTER
    }
    assert not differing
    assert all(name in DIFFERENCES.read_text() for name in STRICTER)


def test_the_same_modules_object(verdicts: list[Verdict]) -> None:
    """Of a live refusal flux-core tells one module; the recording asked each one alone."""
    for verdict in verdicts:
        if verdict.moment == "live" and verdict.case["id"] not in STRICTER:
            ours = set(verdict.refused_by) - {"config"}
            assert ours == set(verdict.case["live_modules"] or ()), verdict


def test_every_reason_names_a_key_of_the_case(verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        for module, reasons in verdict.refused_by.items():
            for reason in reasons if module != "config" else ():
                table = reason.removeprefix(f"{module}: ").partition(":")[0]
                named = table.split(".")[0].split("[")[0].strip('"')
                assert named in verdict.case["tables"], reason


@pytest.mark.parametrize(("moment", "host"), [("live", "anywhere"), ("start", "fjord-mgmt")])
def test_the_example_is_accepted(tmp_path: Path, moment: Moment, host: str) -> None:
    write_surroundings(tmp_path)
    sources = [
        Source(source.name, source.text.replace(ETC.encode(), bytes(tmp_path)), source.format)
        for source in read_sources(str(EXAMPLE))
    ]
    assert refusals(merge(sources), moment, host) == {}


def test_the_example_does_not_start_elsewhere() -> None:
    refused = refusals(merge(read_sources(str(EXAMPLE))), "start", "anywhere")
    assert "overlay: bootstrap.hosts: must list this host, anywhere" in refused["overlay"]
