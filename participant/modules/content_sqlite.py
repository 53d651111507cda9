# SPDX-License-Identifier: LGPL-3.0-or-later
"""The content store on disk: flux-config-content-sqlite(5).  Its table is read at start only."""

from typing import Annotated, Any

from participant.modules.tables.base import UNDERSCORES, LaxTable
from participant.modules.tables.conditional import AT_START, ConditionalModule
from participant.modules.tables.counters import nothing_measured
from participant.settings.field import Field
from participant.settings.types import Int32, at_least, one_of


class ContentSqliteTable(LaxTable):
    """The table `content-sqlite`."""

    model_config = UNDERSCORES

    journal_mode: (
        Annotated[str, one_of("DELETE", "TRUNCATE", "PERSIST", "MEMORY", "WAL", "OFF")] | None
    ) = Field(
        None,
        description="SQLite's journal: DELETE, TRUNCATE, PERSIST, MEMORY, WAL or OFF; default: "
        "WAL, or OFF where the state is temporary",
    )
    synchronous: Annotated[str, one_of("EXTRA", "FULL", "NORMAL", "OFF")] | None = Field(
        None,
        description="how SQLite forces data to disk: EXTRA, FULL, NORMAL or OFF; default: NORMAL, "
        "or OFF where the state is temporary",
    )
    max_checkpoints: Annotated[Int32, at_least(1)] = Field(
        5, description="checkpoints that are kept, 1 or more"
    )


class ContentSqlite(ConditionalModule):
    """Keeps the instance's content in a SQLite file."""

    name = "content-sqlite"
    tables = ("content-sqlite",)
    services = ("content-backing",)

    class Config(LaxTable):
        """The table of this module."""

        content_sqlite: Annotated[ContentSqliteTable, AT_START] = Field(
            default_factory=ContentSqliteTable
        )

    config: Config

    _table = ContentSqliteTable()

    def commit(self, staged: None) -> None:  # noqa: ARG002
        """The first configuration stays in force until the next start."""
        if self.starting:
            self._table = self.config.content_sqlite

    def stats(self) -> dict[str, Any]:
        """The settings in force, which are those of the start; nothing is stored."""
        return {
            "object_count": 0,
            "current_epoch": 1,
            "dbfile_size": 0,
            "dbfile_free": 0,
            "load_time": nothing_measured(),
            "store_time": nothing_measured(),
            "config": {
                "journal_mode": self._table.journal_mode or "WAL",
                "synchronous": self._table.synchronous or "NORMAL",
            },
            "checkpoints": [],
            "max_checkpoints": self._table.max_checkpoints,
        }
