# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux module list`: Flux's columns, and those of the agreement between them."""

import argparse
import json
from typing import Any

from cli.client import Client

_LONGEST_IDLE = 99
"""Seconds; beyond, `idle` is enough to know (src/cmd/flux-module.c)."""
_SERVICES_WIDTH = 8
"""Of the column in the long form, as in Flux."""
_LETTERS = {
    "starting": "I",
    "joining": "I",
    "restarting": "I",
    "running": "R",
    "leaving": "F",
    "failed": "X",
}


def build_list(parser: argparse.ArgumentParser) -> None:
    """Describe `list`."""
    parser.description = (
        "List the modules: for how many seconds nothing was heard of each, its state in a letter\n"
        "(I initialising, R running, F finalising, X failed, ? refused) and in a word, the\n"
        "generation that it runs, how often it was restarted, its process, and the services that\n"
        "it stands for beside its own name."
    )
    parser.add_argument("-l", "--long", action="store_true", help="with file and waiting values")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=list_)


def list_(options: argparse.Namespace) -> int:
    """Run `flux module list`; the exit status."""
    answer = Client().ask("modules")
    if options.json:
        print(json.dumps(answer))
        return 0
    service = f"{'Service':<{_SERVICES_WIDTH}} Path" if options.long else "Service"
    print(f"{'Module':<25} Idle  S {'State':<10} {'Gen':>4} {'Restarts':>8} {'PID':>7} {service}")
    for module in answer["modules"]:
        print(line(module, options.long))
        if options.long and module["pending"]:
            print(f"{'':<25} pending until it is reloaded: {', '.join(module['pending'])}")
    return 0


def line(module: dict[str, Any], long: bool) -> str:
    """One module, from the answer to `modules`."""
    services = ",".join(module["services"])
    if long:
        if len(services) > _SERVICES_WIDTH:
            services = f"{services[: _SERVICES_WIDTH - 1]}+"
        services = f"{services:<{_SERVICES_WIDTH}} {module['path'] or '(attached)'}"
    why = f"  {module['why']}" if module["why"] else ""
    idle = str(int(module["idle"])) if module["idle"] <= _LONGEST_IDLE else "idle"
    return (
        f"{module['name']:<25} {idle:>4}  {_LETTERS.get(module['state'], '?')} "
        f"{module['state']:<10} {module['generation']:>4} {module['restarts']:>8} "
        f"{module['pid']:>7} {services}{why}"
    ).rstrip()
