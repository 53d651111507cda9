# SPDX-License-Identifier: LGPL-3.0-or-later
"""Users and moments, as people read them."""

import pwd
import time


def user(uid: int) -> str:
    """The name of a user, by the password database of this host; else the number."""
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except (KeyError, OverflowError):
        return f"uid {uid}"


def moment(seconds: float) -> str:
    """A moment, in seconds since the Epoch, in local time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
