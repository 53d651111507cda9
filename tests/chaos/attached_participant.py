# SPDX-License-Identifier: LGPL-3.0-or-later
"""A participant that lives in the test's own process and so outlives any broker."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from participant.module import Reject
from tests.chaos import evidence
from tests.chaos.faulty_modules.voter import Voter
from tests.support.patience import PATIENCE


class AttachedParticipant(Voter):
    """A Voter that knows its name and its diary, and that a test can hold in prepare."""

    def __init__(self, who: str, diary: Path) -> None:
        super().__init__()
        self._name = who
        self.diary = str(diary)
        self.free = threading.Event()
        self.free.set()

    @property
    def who(self) -> str:
        """The name under which it attached itself."""
        return self._name

    def prepare(self, new: Any, config: Mapping[str, Any]) -> str:
        digest = evidence.digest_of(config)
        assert self.free.wait(PATIENCE)
        if new.do.get(self.who) == "refuse":
            self.note("refused", digest)
            raise Reject(f"{self.who} will not have {new.serial}", key="serial")
        self.note("accepted", digest)
        return digest
