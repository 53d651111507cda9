# SPDX-License-Identifier: LGPL-3.0-or-later
"""The decisions in a ledger, read past the code that wrote them."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One COMMIT."""

    generation: int
    txid: str
    epoch: int
    digest: str
    members: tuple[str, ...]
    verb: str


def read(statedir: Path) -> list[Row]:
    """All decisions, oldest first; read-only, whether or not a broker has the ledger open."""
    path = statedir / "ledger.sqlite"
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
        rows = connection.execute(
            "SELECT generation, txid, epoch, digest, members, verb FROM decisions ORDER BY 1"
        ).fetchall()
    return [Row(number, txid, epoch, digest, tuple(json.loads(members)), verb)
            for number, txid, epoch, digest, members, verb in rows]  # fmt: skip
