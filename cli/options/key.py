# SPDX-License-Identifier: LGPL-3.0-or-later
"""The argument NAME of several commands: a dotted key, which shells can complete."""

import argparse

from cli.options.completers import complete_by, configuration_keys


def add_name(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    """Add NAME; where it is optional, leaving it out means everything."""
    if optional:
        action = parser.add_argument(
            "name", metavar="NAME", nargs="?", help="dotted key; default: everything"
        )
    else:
        action = parser.add_argument("name", metavar="NAME", help="dotted key")
    complete_by(action, configuration_keys)
