# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux version`: which versions are at work."""

import argparse
import os

from cli.client import Client, Trouble

VERSION = "0.1.0"
"""Of the distribution, too: pyproject.toml takes it from here."""


def main(_command: str, arguments: list[str]) -> int:
    """Run `flux version`; the exit status."""
    parser = argparse.ArgumentParser(prog="flux version", description=__doc__)
    parser.parse_args(arguments)
    print(f"commands:\t{VERSION}")
    uri = os.environ.get("FLUX_URI")
    if uri:
        try:
            print(f"broker:\t\t{Client().ask('getattr', name='version')['value']}")
        except Trouble as trouble:
            print(f"broker:\t\t({trouble})")
        print(f"FLUX_URI:\t{uri}")
    return 0
