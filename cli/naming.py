# SPDX-License-Identifier: LGPL-3.0-or-later
"""What our commands are called where this one was typed.

In an instance of flux-core `flux config status` is flux-core's to answer, and ours is `flux accord
config status`; so that is what every hint has to say there.
"""

from __future__ import annotations

import os
import sys

from cli.real_flux import is_real

_NAMES = ("config", "module", "modinfo", "completion")
"""Commands that our texts name, and that are ours beside flux-core as well."""


def is_accord() -> bool:
    """Whether ours is called `flux accord` here."""
    if os.path.basename(sys.argv[0]).startswith("flux-accord"):
        return True
    return is_real(os.environ.get("FLUX_URI", ""))


def hints(text: str) -> str:
    """`text` with the commands in it, which stand in backquotes, as they are to be typed here."""
    return _renamed(text, "`flux ") if "`flux " in text else text


def usage(text: str) -> str:
    """The same for the help of a command, where they stand without."""
    return _renamed(text, "flux ")


def _renamed(text: str, before: str) -> str:
    if not is_accord():
        return text
    for name in _NAMES:
        text = text.replace(f"{before}{name}", f"{before}accord {name}")
    return text
