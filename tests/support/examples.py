# SPDX-License-Identifier: LGPL-3.0-or-later
"""How many examples a property is tried on: all of them in `make test`, a fifth in `make unit`.

They are the same in every run, so that what fails has been made to fail by a change.  FRESH=1 in
the environment draws new ones: for who looks for faults, and has the time to mend what is found.
"""

import os

from hypothesis import HealthCheck, Phase, settings

QUICK = "QUICK" in os.environ
FRESH = "FRESH" in os.environ
PHASES = (Phase.explicit, Phase.generate) if "UNSHRUNK" in os.environ else tuple(Phase)
"""UNSHRUNK: that something fails is enough (`make mutants`), and no small example is looked for."""


def examples(count: int) -> settings:
    """Settings of a property that is worth this many examples.

    There is no deadline for an example: a busy machine is no fault of what is tested.
    """
    return settings(
        max_examples=max(1, count // 5) if QUICK else count,
        derandomize=not FRESH,
        deadline=None,
        phases=PHASES,
        suppress_health_check=[HealthCheck.too_slow],
    )
