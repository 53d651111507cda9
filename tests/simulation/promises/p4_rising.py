# SPDX-License-Identifier: LGPL-3.0-or-later
"""P4: a participant applies generations in rising order; what it skips, it skipped by joining.

The same generation may be taken again from an Admit (the abort of something newer was lost on the
way), with the same content.
"""

from typing import TYPE_CHECKING

from protocol.messages import Admit, Commit, Digest
from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_process import SimulatedProcess


class Rising(Promise):
    name = "P4"

    def applied(self, host: "SimulatedProcess", authority: Commit | Admit, digest: Digest) -> None:
        before = max(host.applied, default=0)
        now = authority.generation
        if isinstance(authority, Admit):
            if now < before or (now == before and host.applied[now] != digest):
                raise self.broken(f"{host} goes from {before} to {now}")
        elif now <= before or (before and now != before + 1):
            raise self.broken(f"{host} goes from {before} to {now} by a Commit")
