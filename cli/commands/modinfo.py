# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux modinfo`: what a module is for and what it can be told; without a name, which there are."""

import argparse
import json
import os
from typing import TYPE_CHECKING, Any

from cli import VERSION, failure
from cli.client import Client, Trouble
from cli.options.completers import complete_by, known_modules
from cli.options.parser import OURS_ALONE, Parser
from participant.loader import NotFound, Unloadable, load, loadable, name_of, resolve
from protocol.reasons import printable

if TYPE_CHECKING:
    from participant.settings.parameters import Parameter


def main(_command: str, arguments: list[str]) -> int:
    """Run `flux modinfo ARGUMENTS`; the exit status."""
    options = parser("modinfo").parse_args(arguments)
    if options.module is None:
        return _list(options)
    try:
        name, described = _described(options.module)
    except (NotFound, Unloadable, Trouble) as trouble:
        code = "unloadable" if isinstance(trouble, Unloadable) else "not-found"
        told = trouble if isinstance(trouble, Trouble) else Trouble(str(trouble), code)
        return failure.tell("modinfo", options.json, told)
    if options.json:
        dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
        own = {"title": name, "description": described["purpose"], "x-tables": described["tables"]}
        print(json.dumps({**dialect, **described["schema"], **own}, indent=1))
    elif options.toml:
        from participant.settings.example import example
        from participant.settings.layers import Tables

        tables = Tables(tuple(described["tables"]), described["single"])
        print(example(described["schema"], tables, described["purpose"]), end="")
    else:
        _tell(name, described)
    return 0


def parser(_command: str) -> Parser:
    """Its parser."""
    parser = Parser("flux modinfo", OURS_ALONE, description=__doc__)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON Schema of what it can be told")
    form.add_argument("--toml", action="store_true", help="an example that the module accepts")
    module = parser.add_argument(
        "module",
        metavar="MODULE",
        nargs="?",
        help="bundled name, file, on FLUX_MODULE_PATH, or attached",
    )
    complete_by(module, known_modules)
    return parser


def _described(typed: str) -> tuple[str, dict[str, Any]]:
    """A name and a description: from the file, or of a module that only the broker knows."""
    from participant.describe import description

    try:
        located = resolve(typed)
    except NotFound:
        if not os.environ.get("FLUX_URI"):
            raise
        try:
            answer = Client().ask("module-describe", name=typed)
        except Trouble as trouble:
            raise Trouble(
                f"{typed}: no such module, and none is loaded ({trouble})", "not-found"
            ) from None
        described = answer["description"]
        if not {"purpose", "tables", "single", "schema"} <= set(described):
            raise Trouble(f"{typed}: it did not describe itself") from None
        return typed, {"version": "", **described}
    described = {**description(load(located))}
    if located == typed and not described["version"]:
        described["version"] = VERSION
    return name_of(typed), described


def _list(options: argparse.Namespace) -> int:
    modules = loadable()
    if options.json:
        print(json.dumps({"version": 1, "result": "ok", "modules": modules}))
        return 0
    for module in modules:
        print(f"{module['name']:<20} {printable(module['purpose'])}")
    return 0


# For people


def _tell(name: str, described: dict[str, Any]) -> None:
    from participant.settings.layers import Tables
    from participant.settings.parameters import parameters

    print(f"{name}: {printable(described['purpose'])}")
    if described["version"]:
        print(f"version: {printable(described['version'])}")
    print(f"tables:  {', '.join(described['tables']) or 'none'}")
    tables = Tables(tuple(described["tables"]), described["single"])
    for parameter in parameters(described["schema"], tables, elements=True):
        print(
            "\n"
            + "\n".join(printable(line) for line in _told(name, parameter, described["schema"]))
        )


def _told(module: str, parameter: "Parameter", schema: dict[str, Any]) -> list[str]:
    from participant.settings.parameters import constraints_in_words, type_in_words
    from participant.settings.toml_text import toml_value

    rules = [type_in_words(schema, parameter.node), constraints_in_words(schema, parameter.node)]
    if parameter.required:
        rules.append("required")
    elif parameter.default is not None and not parameter.secret:
        rules.append(f"default {toml_value(parameter.default)}")
    if parameter.secret:
        rules.append("secret")
    lines = [f"{parameter.name}: {', '.join(filter(None, rules))}"]
    if parameter.description:
        lines.append(f"    {parameter.description}")
    when = "takes effect when the module is loaded" if parameter.restart else "takes effect at once"
    variable = parameter.variable(module)
    lines.append(f"    {when}{f'; {variable}' if variable else ''}")
    return lines
