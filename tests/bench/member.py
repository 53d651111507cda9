# SPDX-License-Identifier: LGPL-3.0-or-later
"""Participants for the bench: `python -m tests.bench.member URI FIRST COUNT`."""

import sys
from typing import Any

from participant import Module, Reject, attach
from participant.settings.model import LAX


class Plain(Module):
    """Accepts everything, except what says that this very member must refuse."""

    table = "bench"

    class Config(Module.Config):
        """Nothing is looked at."""

        model_config = LAX

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def prepare(self, new: Any, config: Any) -> None:
        if config["refuse"] == self.number:
            raise Reject("told to refuse", key="refuse")


def main() -> None:
    """Attach COUNT participants and stay until stdin closes."""
    uri, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    attached = [attach(uri, Plain(n), name=f"m{n}") for n in range(first, first + count)]
    sys.stdin.read()
    for attachment in attached:
        attachment.close()


if __name__ == "__main__":
    main()
