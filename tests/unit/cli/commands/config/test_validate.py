# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every key of a whole system's configuration, spoilt one at a time: is its line what is told?"""

import re
from collections.abc import Iterator

import pytest

from coordinator.files.parsing import merge
from coordinator.files.provenance import Provenance, located
from coordinator.files.reading import Source, Unreadable, read_sources
from participant.judging import ask_within
from participant.loader import load
from participant.modules import BUNDLED
from protocol.reasons import Reason
from tests.support.client_calls import ROOT

_PAIR = re.compile(r"^(?P<indent>\s*)(?P<key>[\w.-]+)\s*=\s*\S.*$")
_WRONG = ("[[[]]]", '"?"', "-7.25")
"""No key of the example takes all of these."""


@pytest.fixture(scope="module")
def sources() -> tuple[Source, ...]:
    return read_sources(str(ROOT / "examples" / "system-conf.d"))


def spoilt(sources: tuple[Source, ...], wrong: str) -> Iterator[tuple[tuple[Source, ...], str]]:
    """The sources with one value replaced, and the place of its key; only one-line values."""
    for number, source in enumerate(sources):
        lines = source.text.decode().split("\n")
        for line, text in enumerate(lines):
            found = _PAIR.match(text)
            if not found:
                continue
            changed = [*lines[:line], f"{found['indent']}{found['key']} = {wrong}",
                       *lines[line + 1 :]]  # fmt: skip
            made = source._replace(text="\n".join(changed).encode())
            column = len(found["indent"]) + len(found["key"].rpartition(".")[0]) + 1
            column += "." in found["key"]
            place = f"{source.name}:{line + 1}:{column}"
            yield (*sources[:number], made, *sources[number + 1 :]), place


def reasons_of(sources: tuple[Source, ...], classes: dict[str, type]) -> list[Reason]:
    try:
        configuration = merge(sources)
    except Unreadable:
        return []
    given = [
        reason
        for name, module in classes.items()
        for reason in ask_within(30, name, module, configuration, True, print).reasons
    ]
    return list(located(given, Provenance(sources)))


def test_the_place_of_every_key_that_is_refused_is_right(sources: tuple[Source, ...]) -> None:
    classes = {name: load(name) for name in BUNDLED}
    before = {str(reason) for reason in reasons_of(sources, classes)}
    probed: dict[str, bool] = {}
    for wrong in _WRONG:
        for changed, place in spoilt(sources, wrong):
            fresh = [reason for reason in reasons_of(changed, classes) if str(reason) not in before]
            own = [
                reason
                for reason in fresh
                if "must be" in reason.message or "is not" in reason.message
            ]
            if own:
                probed[place] = any(str(reason.origin) == place for reason in own)
    wrong_ones = [place for place, right in probed.items() if not right]
    print(f"{len(probed) - len(wrong_ones)} of {len(probed)} probed keys have the right place")
    assert not wrong_ones
    assert len(probed) >= 25
