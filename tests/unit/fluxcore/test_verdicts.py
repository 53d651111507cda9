# SPDX-License-Identifier: LGPL-3.0-or-later
"""The judge of the crash campaign sees what is broken, and nothing else."""

from typing import Any

import pytest

from tests.fluxcore.verdicts import Ended, Evidence, violations

COMMITTED = Evidence(
    before=1,
    asked=2,
    refused=False,
    ended=Ended(0, ""),
    told=(2, 2, 2),
    committed=(0, 1, 2),
    ran=((1, 2), (1, 2, 2), (0, 1, 2)),
    brokers=(True, True, True),
)
REFUSED = COMMITTED._replace(
    asked=9,
    refused=True,
    ended=Ended(1, "rank 2: voter: n: too much\nnothing changed; generation 2 stays in force\n"),
    told=(1, 1, 1),
    committed=(0, 1),
    ran=((1,), (1,), (1,)),
)


@pytest.mark.parametrize("seen", [COMMITTED, REFUSED, COMMITTED._replace(ended=Ended(1, "who?"))])
def test_what_is_right_is_let_pass(seen: Evidence) -> None:
    assert violations(seen) == []


@pytest.mark.parametrize(
    ("seen", "changes", "said"),
    [
        (COMMITTED, {"told": (2, 1, 2)}, "rank 1: config.get tells 1, and 2 is in force"),
        (COMMITTED, {"told": (2, 2, None)}, "rank 2: config.get tells None"),
        (COMMITTED, {"brokers": (True, False, True)}, "rank 1: its broker is dead"),
        (COMMITTED, {"ended": Ended(None, "")}, "the command hangs"),
        (COMMITTED, {"ended": Ended(1, " ")}, "was not told why"),
        (COMMITTED, {"ended": Ended(1, "nothing changed; generation 2 stays in force")},
         "told that nothing changed, and 2 is in the ledger"),
        (COMMITTED, {"ran": ((1, 2), (1,), (2,))}, "rank 1: its module does not run 2"),
        (COMMITTED, {"ran": ((2, 1, 2), (2,), (2,))}, "which goes back"),
        (COMMITTED, {"committed": (0, 1, 5), "told": (5, 5, 5)}, "5 is in force, where 1 was"),
        (REFUSED, {"ran": ((1, 9, 1), (1,), (1,))}, "rank 0: its module ran 9, which is not"),
        (REFUSED, {"committed": (0, 1, 9)}, "9 is committed, and was refused"),
        (REFUSED, {"ended": Ended(0, "")}, "was told that 9 is in force, and it is not"),
    ],
)  # fmt: skip
def test_what_is_broken_is_seen(seen: Evidence, changes: dict[str, Any], said: str) -> None:
    found = violations(seen._replace(**changes))
    assert any(said in text for text in found), found
