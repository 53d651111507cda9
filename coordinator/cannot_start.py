# SPDX-License-Identifier: LGPL-3.0-or-later
"""Why there is no broker; apart from it, for those who need nothing else of it."""

from protocol.reasons import Reason


class CannotStart(Exception):
    """The broker cannot start; `reasons` say why."""

    def __init__(self, *reasons: Reason) -> None:
        super().__init__("; ".join(str(reason) for reason in reasons))
        self.reasons = reasons
