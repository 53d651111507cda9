# SPDX-License-Identifier: LGPL-3.0-or-later
"""A configuration as a TOML file that Flux's rules let in again."""

import re
from typing import Any

import tomli_w

_ESCAPE = re.compile(r"\\(u[0-9a-f]{4}|.)")


def as_toml(tree: dict[str, Any]) -> str:
    """The text; escapes have capital digits, as Flux wants them."""
    text = tomli_w.dumps(tree)
    return _ESCAPE.sub(lambda found: "\\" + found[1][:1] + found[1][1:].upper(), text)
