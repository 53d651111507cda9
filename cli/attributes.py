"""`flux getattr` and `flux lsattr`: what the broker knows about itself."""

import argparse

from cli.client import Client, Trouble, complain


def main(command: str, arguments: list[str]) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(prog=f"flux {command}", description=__doc__)
    if command == "getattr":
        parser.add_argument("name", metavar="NAME", help="e.g. rundir, statedir, local-uri")
    else:
        parser.add_argument("-v", "--values", action="store_true", help="print values, too")
    options = parser.parse_args(arguments)
    try:
        if command == "getattr":
            print(Client().ask("getattr", name=options.name)["value"])
        else:
            for name, value in Client().ask("lsattr")["attributes"].items():
                print(f"{name:<24}{value}" if options.values else name)
    except Trouble as trouble:
        complain(command, str(trouble))
        return 1
    return 0
