"""`flux version`: which versions are at work."""

import argparse
import os
from importlib import metadata

from cli.client import Client, Trouble


def main(_command: str, arguments: list[str]) -> int:
    """Run `flux version`; the exit status."""
    parser = argparse.ArgumentParser(prog="flux version", description=__doc__)
    parser.parse_args(arguments)
    print(f"commands:\t{installed()}")
    uri = os.environ.get("FLUX_URI")
    if uri:
        try:
            print(f"broker:\t\t{Client().ask('getattr', name='version')['value']}")
        except Trouble as trouble:
            print(f"broker:\t\t({trouble})")
        print(f"FLUX_URI:\t{uri}")
    return 0


def installed() -> str:
    """The version of the distribution, or `unknown` where it runs from a bare checkout."""
    try:
        return metadata.version("flux-accord")
    except metadata.PackageNotFoundError:
        return "unknown"
