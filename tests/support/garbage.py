# SPDX-License-Identifier: LGPL-3.0-or-later
"""What only goes through states spends a fifth of its time on looking for cycles."""

import gc


def collect_seldom() -> None:
    """To be called when all is imported: that is never garbage, and of the rest there is little."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
