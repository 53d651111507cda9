# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux version`: which versions are at work."""

import os

from cli import VERSION
from cli.client import Client, Trouble
from cli.options.parser import Parser


def main(_command: str, arguments: list[str]) -> int:
    """Run `flux version`; the exit status."""
    parser("version").parse_args(arguments)
    print(f"commands:    \t\t{VERSION}")
    uri = os.environ.get("FLUX_URI")
    if uri:
        try:
            print(f"broker:  \t\t{Client().ask('getattr', name='version')['value']}")
        except Trouble as trouble:
            print(f"broker:  \t\t({trouble})")
        print(f"FLUX_URI:\t\t{uri}")
    return 0


def parser(_command: str) -> Parser:
    """Its parser."""
    return Parser("flux version", description=__doc__)
