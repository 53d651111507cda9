# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config watch --events`: what happens, a line each, over the ends of brokers.

When the broker is gone, the next one at the same place is asked for what came after the last event
that was printed.  What nobody can know any more it says itself, in a line of its own (`gap`).
"""

import errno
import json
import sys
import time
from collections import deque
from typing import Any

from cli.client import Client, Trouble, Unanswered, complain
from protocol import limits

_REMEMBERED = 1000
"""Changes that were printed and are not printed again: the past is told from a generation on."""


class EventReader:
    """How far has been read, over any number of connections."""

    def __init__(self, since: int | None) -> None:
        self._since = since
        self._cursor: str | None = None
        self._printed: deque[tuple[str, str]] = deque(maxlen=_REMEMBERED)
        self._unnamed: deque[tuple[object, ...]] = deque(maxlen=_REMEMBERED)
        """Refusals without a txid that were printed, by what the ledger has of them, too."""
        self._told_again: list[tuple[object, ...]] = []
        """Those of them that this broker's ledger has not told yet."""

    def request(self) -> dict[str, Any]:
        """The fields of the request that goes on where this has got to."""
        fields: dict[str, Any] = {}
        if self._since is not None:
            fields["since"] = self._since
        if self._cursor is not None:
            fields["after"] = self._cursor
        return fields

    def is_new(self, event: dict[str, Any]) -> bool:
        """Take note of an event.  Returns False for one that was printed before."""
        what, generation = event["event"], event.get("generation")
        if "cursor" in event and (what != "watching" or self._cursor is None):
            self._cursor = event["cursor"]
        if what == "watching":
            if self._since is None:
                self._since = generation  # from here on it is known what came after
            self._told_again = list(self._unnamed)
            return False
        txid = event.get("txid")
        if txid:
            if (what, txid) in self._printed:
                return False
            self._printed.append((what, txid))
        elif what == "refused" and self._was_told(event):
            return False
        if generation is not None and self._since is not None:
            self._since = max(self._since, generation)
        return True

    def _was_told(self, refusal: dict[str, Any]) -> bool:
        """Of texts that could not be read: whether this is what the ledger has of a printed one."""
        who = refusal["who"]
        signs = (refusal["base"], refusal["verb"], who["uid"], who["pid"], who["command"])
        if "cursor" not in refusal and signs in self._told_again:
            self._told_again.remove(signs)
            return True
        self._unnamed.append(signs)
        return False


def watch_events(since: int | None) -> int:
    """Print events until interrupted, or until nobody reads them.  Raises Trouble at the first."""
    reader = EventReader(since)
    first = True
    while True:
        try:
            client = Client()
            client.send("events", **reader.request())
            while client.wait(sys.stdout.fileno()):
                event = client.receive(None)
                first = False
                if event is not None and reader.is_new(event):
                    text = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
                    print(text, flush=True)
            raise BrokenPipeError(errno.EPIPE, "nobody reads what is watched")
        except Unanswered as lost:
            complain("config", f"{lost}; waiting for the next one")
        except Trouble:
            if first:
                raise
        time.sleep(limits.EVENT_RECONNECT_SECONDS)
