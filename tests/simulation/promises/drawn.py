# SPDX-License-Identifier: LGPL-3.0-or-later
"""Not a numbered promise: the picture of a change is true.

Its moments are in the order in which such things happen; whoever is drawn with a yes to what was
committed is one of those who decided it, and the other way round; and nobody is drawn as well who
had not applied it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker

_STEPS = ("begun", "asked", "force", "forced", "commit", "ended")


class Drawn(Promise):
    name = "timeline"

    def stepped(self, broker: "SimulatedBroker") -> None:
        while broker.drawn:
            entry = broker.drawn.pop(0).as_json()
            self._in_order(entry)
            if entry["result"] != "refused":
                self._decided(broker, entry)

    def _in_order(self, entry: Mapping[str, Any]) -> None:
        moments = entry["moments"]
        self._rising(entry, [moments.get(step) for step in _STEPS])
        for member in moments["members"]:
            before, after = moments.get("force", moments["ended"]), moments.get("commit")
            self._rising(
                entry, [moments["begun"], member.get("asked"), member.get("voted"), before]
            )
            self._rising(entry, [after, member.get("applied"), moments["ended"]])

    def _rising(self, entry: Mapping[str, Any], moments: list[float | None]) -> None:
        known = [moment for moment in moments if moment is not None]
        if known != sorted(known):
            raise self.broken(f"{entry['txid']} is drawn backwards: {known}")

    def _decided(self, broker: "SimulatedBroker", entry: Mapping[str, Any]) -> None:
        members = entry["moments"]["members"]
        said_yes = {member["name"] for member in members if member.get("vote") == "yes"}
        decision = broker.book.decisions[entry["generation"]]
        if decision.txid == entry["txid"] and said_yes != set(decision.members):
            shown, right = sorted(said_yes), sorted(decision.members)
            raise self.broken(f"{entry['txid']} is drawn with the yes of {shown}, not of {right}")
        for member in members:
            if member.get("ok"):
                self._ran(broker, entry, member["name"])
        # Whoever had no vote, and declines it when it is admitted, does not make it any less.
        counts = members if entry["result"] != "committed" else (m for m in members if "vote" in m)
        well = all(member.get("ok") is not False for member in counts)
        if well != (entry["result"] == "committed"):
            raise self.broken(f"{entry['txid']} is {entry['result']} and drawn otherwise")

    def _ran(self, broker: "SimulatedBroker", entry: Mapping[str, Any], name: str) -> None:
        generation = broker.book, entry["generation"]
        lives = self.world.lives_of(name)
        if not self.world.is_liar(name) and not any(generation in life for life in lives):
            raise self.broken(f"{entry['txid']} is drawn as applied by {name}, which never ran it")
