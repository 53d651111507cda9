# SPDX-License-Identifier: LGPL-3.0-or-later
"""`make mutants`: make one line wrong at a time, in a copy of the tree, and see what notices.

Results are appended to a file as they come, one JSON object a line; a run that was interrupted goes
on where it stopped. The exit status is 1 if more than a tenth of the sample survives, or any of the
faults that are planted in every run.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tests.mutation.ladder import EVERY, NEAREST, UNITS, Rung, climb, ladder
from tests.mutation.sample import Mutant, Text, at, difference, planted, sample, spoil
from tests.mutation.survivors import survivors

TREE = Path(__file__).parents[2]
MOST_SURVIVORS = 0.1
"""Of the sample."""
Result = dict[str, Any]
"""`key`, `path`, `line`, `operator`, `was`, `becomes`, `noticed_by` (null: it survived), `words`,
`seconds`, `quick`."""


def main() -> int:
    """The command."""
    options = _options()
    results = _earlier(options.results)
    faults = [] if options.at else planted(TREE)
    mutants = [*faults, *_chosen(options)]
    todo = [
        mutant
        for mutant in mutants
        if (result := results.get(mutant.key)) is None
        or (result["noticed_by"] is None and _is_worth_another_look(result, options))
    ]
    if todo and not options.report:
        for result in _tried(todo, options.jobs, options.quick):
            results[result["key"]] = result
            _append(options.results, {**result, "quick": options.quick})
            count = sum(mutant.key in results for mutant in mutants)
            _say(f"{count}/{len(mutants)}", result)
    status = 0
    for fault in faults:
        if fault.key in results and results[fault.key]["noticed_by"] is None:
            print(f"{fault.operator}: nothing has noticed it")
            status = 1
    sampled = mutants[len(faults) :]
    done = [results[mutant.key] for mutant in sampled if mutant.key in results]
    return max(status, _report(done))


def _is_worth_another_look(result: Result, options: argparse.Namespace) -> bool:
    """One that has survived: is it asked for, or has it been tried by the quick rungs only?"""
    return bool(options.again or (result.get("quick") and not options.quick))


def _chosen(options: argparse.Namespace) -> list[Mutant]:
    if options.at is None:
        return sample(TREE, options.seed, options.sample)
    path, _, line = options.at.partition(":")
    return at(TREE, path, int(line))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="what decides the sample")
    parser.add_argument("--sample", type=int, default=400, metavar="N", help="mutants at most")
    parser.add_argument("--at", metavar="FILE:LINE", help="every mutant of this line, no sample")
    parser.add_argument("--results", type=Path, default=TREE / "mutants.jsonl", metavar="FILE")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="mutants at a time")
    parser.add_argument(
        "--quick", action="store_true", help="unit tests and stories only: a first look"
    )
    parser.add_argument("--again", action="store_true", help="try those that survived again")
    parser.add_argument("--report", action="store_true", help="only tell what the file has")
    return parser.parse_args()


def _tried(mutants: Sequence[Mutant], jobs: int, quick: bool) -> Iterator[Result]:
    """As they come; each job has a copy of the tree for itself."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for job in range(jobs):
            trees.put(_copy(Path(folder, str(job))))
        rungs = UNITS if quick else EVERY
        limits = _limits(Path(folder, "0"), rungs)

        def attempt(mutant: Mutant) -> Result:
            tree = trees.get()
            try:
                return _try(tree, mutant, ladder(tree, mutant.path, rungs), limits)
            finally:
                trees.put(tree)

        pool = ThreadPoolExecutor(jobs)
        try:
            for done in as_completed([pool.submit(attempt, mutant) for mutant in mutants]):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _copy(tree: Path) -> Path:
    """The tree as it is, edits included; mutants are never put into the tree itself."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TREE, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, listed):
        if (TREE / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TREE / name, tree / name)
    return tree


def _limits(tree: Path, rungs: tuple[Rung, ...]) -> dict[str, float]:
    """Seconds of work for each rung: far more than what is right takes, which must pass.

    What is nearest to a mutant is a part of the tests of its folder, or stories.
    """
    limits: dict[str, float] = {}
    for rung in rungs:
        before = _work()
        outcome = climb(tree, rung, limit=600)
        if not outcome.passed:
            sys.exit(f"mutants: {rung.name} fails without any mutant: {outcome.words}")
        limits[rung.name] = 10 + 4 * (_work() - before)
        print(f"{rung.name}: {_work() - before:.0f} s", flush=True)
    return {**limits, NEAREST: max(limits[rung.name] for rung in UNITS)}


def _work() -> float:
    """Seconds of processors that processes of ours have had."""
    times = os.times()
    return times.children_user + times.children_system


def _try(tree: Path, mutant: Mutant, rungs: tuple[Rung, ...], limits: dict[str, float]) -> Result:
    place = tree / mutant.path
    code = place.read_text(encoding="utf-8")
    spoilt = spoil(code, mutant)
    result: Result = {
        "key": mutant.key, "path": mutant.path, "line": mutant.line,
        "operator": mutant.operator, **difference(code, spoilt)._asdict(),
        "noticed_by": None, "words": "", "seconds": 0.0,
    }  # fmt: skip
    try:
        _write(place, spoilt)
        for rung in rungs:
            outcome = climb(tree, rung, limits[rung.name])
            result["seconds"] = round(result["seconds"] + outcome.seconds, 1)
            if not outcome.passed:
                result |= {"noticed_by": rung.name, "words": outcome.words}
                break
    finally:
        _write(place, code)
    return result


def _write(place: Path, code: str) -> None:
    """With a time of its own: Python takes a file of the same second and size for the same one."""
    before = place.stat().st_mtime
    place.write_text(code, encoding="utf-8")
    os.utime(place, (before + 2, before + 2))


def _earlier(results: Path) -> dict[str, Result]:
    if not results.exists():
        return {}
    lines = results.read_text(encoding="utf-8").splitlines()
    return {result["key"]: result for result in map(json.loads, lines)}


def _append(results: Path, result: Result) -> None:
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")


def _say(count: str, result: Result) -> None:
    fate = f"noticed by {result['noticed_by']}" if result["noticed_by"] else "SURVIVES"
    place = f"{result['path']}:{result['line']}"
    print(f"{count} {place} {result['operator']}: {fate} ({result['seconds']} s)", flush=True)


def _report(results: list[Result]) -> int:
    known = survivors()
    alive = [result for result in results if result["noticed_by"] is None]
    print()
    for result in sorted(alive, key=lambda result: (result["path"], result["line"])):
        entry = known.get((result["path"], Text(result["was"], result["becomes"])))
        print(f"{result['path']}:{result['line']} ({result['operator']}) survives")
        print(f"  - {result['was']}\n  + {result['becomes']}")
        print(f"  {entry.why if entry else 'NOT LISTED in tests/mutation/survivors.toml'}")
    by = Counter(result["noticed_by"] for result in results if result["noticed_by"])
    told = ", ".join(f"{name} {count}" for name, count in by.most_common())
    share = len(alive) / max(1, len(results))
    print(f"{len(results)} mutants, {len(alive)} survive ({share:.1%}); noticed by: {told}")
    return int(share > MOST_SURVIVORS)


if __name__ == "__main__":
    sys.exit(main())
