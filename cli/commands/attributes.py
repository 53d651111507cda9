# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux getattr`, `setattr` and `lsattr`: what the broker knows about itself, and notes for it."""

from cli.client import Client, Trouble, complain
from cli.options.completers import attribute_names, complete_by
from cli.options.parser import Parser


def main(command: str, arguments: list[str]) -> int:
    """Run the command; the exit status."""
    options = parser(command).parse_args(arguments)
    try:
        if command == "setattr":
            Client().ask("setattr", name=options.name, value=options.value, force=options.force)
        elif command == "getattr":
            print(Client().ask("getattr", name=options.name)["value"])
        else:
            for name, value in Client().ask("lsattr")["attributes"].items():
                print(f"{name:<40}{value}" if options.values else name)
    except Trouble as trouble:
        complain(command, str(trouble))
        return 1
    return 0


def parser(command: str) -> Parser:
    """The parser of one of the three."""
    parser = Parser(f"flux {command}", description=__doc__)
    if command != "lsattr":
        name = parser.add_argument("name", metavar="NAME", help="e.g. rundir, statedir, local-uri")
        complete_by(name, attribute_names)
    if command == "setattr":
        parser.add_argument(
            "-f",
            "--force",
            action="store_true",
            help="set it even where nothing heeds the change before the next start",
        )
        parser.add_argument("value", metavar="VALUE", help="any text")
    if command == "lsattr":
        parser.add_argument("-v", "--values", action="store_true", help="print values, too")
    return parser
