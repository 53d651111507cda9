# SPDX-License-Identifier: LGPL-3.0-or-later
"""The manual pages that there are, and what is on each."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cli import VERSION
from cli.commands.broker import parser as broker_parser
from cli.commands.config.main import parser as config_parser
from cli.commands.module.main import parser as module_parser
from cli.main import COMMANDS
from cli.manual import markdown, parsers, roff
from cli.options.parser import Parser

_ENVIRONMENT = {
    "FLUX_URI": "Where the broker is: `local://` and the path of its socket.",
    "FLUX_CONF_DIR": "The configuration of a broker that is started without `--config-path`.",
    "FLUX_MODULE_PATH": "Directories with modules, separated by colons; before the bundled.",
    "FLUX_CORE": "The `flux` of flux-core, where it is not the next one on PATH.",
    "NO_COLOR": "Set to anything: no colours, unless `--color` says otherwise.",
}
_PAGES = ("flux-accord(7)", "flux-accord-broker(1)", "flux-accord-config(1)",
          "flux-accord-module(1)", "flux(1)")  # fmt: skip
_BESIDE = (
    "In an instance of flux-core these commands are called `flux accord {name}`, as `flux {name}` "
    "is flux-core's there."
)


def write_all(root: Path, directory: Path) -> list[Path]:
    """Write all pages of the tree at `root`; their files.  Raises OSError."""
    width, os.environ["COLUMNS"] = os.environ.get("COLUMNS"), "100"
    try:
        files = []
        for name, make in PAGES.items():
            file = directory / name
            file.write_text("\n".join(make(root)) + "\n", encoding="ascii")
            files.append(file)
        return files
    finally:
        if width is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = width


def _page(name: str, number: int, purpose: str, body: Iterable[str]) -> Iterator[str]:
    yield '.\\" SPDX\\-License\\-Identifier: LGPL\\-3.0\\-or\\-later'
    yield '.\\" Made by `make man` of the parsers and of docs/; not to be edited.'
    yield f'.TH {name.upper()} {number} "" "flux\\-accord {VERSION}" "flux\\-accord"'
    yield from (".ad l", ".nh")
    yield from roff.heading("Name")
    yield f"{roff.escaped(name)} \\- {roff.escaped(purpose)}"
    yield from body
    yield from roff.heading("Environment")
    for variable, meaning in _ENVIRONMENT.items():
        yield from roff.tagged(roff.bold(variable), meaning)
    yield from roff.heading("See also")
    others = [page for page in _PAGES if page != f"{name}({number})"]
    yield roff.line(", ".join(roff.bold(page[:-3]) + page[-3:] for page in others))


def _family(name: str, parser: Parser, purpose: str, extra: Iterable[str]) -> Iterator[str]:
    def body() -> Iterator[str]:
        yield from roff.heading("Synopsis")
        yield from parsers.synopsis(parser)
        yield from roff.heading("Description")
        yield from roff.paragraph(parser.description or "")
        yield from roff.paragraph(_BESIDE.format(name=name))
        yield from roff.heading("Commands")
        for _, below, inner in parsers.subcommands(parser):
            yield from parsers.command(below, inner)
        yield from extra

    return _page(f"flux-accord-{name}", 1, purpose, body())


def _config(root: Path) -> Iterator[str]:
    text = (root / "docs" / "config.md").read_text(encoding="utf-8")
    rest = "## " + text.partition("\n## ")[2]
    status = markdown.pages(markdown.introduction(text))
    extra = (*roff.heading("Exit status and output"), *status, *markdown.pages(rest))
    return _family("config", config_parser("config"), COMMANDS["config"][1], extra)


def _module(root: Path) -> Iterator[str]:
    text = (root / "docs" / "modules.md").read_text(encoding="utf-8")
    values = markdown.pages(markdown.section(text, "## Where values come from"))
    extra = (*roff.heading("Where values come from"), *values)
    return _family("module", module_parser("module"), COMMANDS["module"][1], extra)


def _broker(_: Path) -> Iterator[str]:
    def body() -> Iterator[str]:
        each = [(name, broker_parser(name)) for name in ("broker", "start")]
        yield from roff.heading("Synopsis")
        for _, parser in each:
            yield from parsers.synopsis(parser)
        yield from roff.heading("Description")
        yield from roff.paragraph(each[0][1].description or "")
        for name, parser in each:
            yield from roff.heading(f"Options of flux {name}")
            yield from parsers.options(parser)

    return _page("flux-accord-broker", 1, COMMANDS["broker"][1], body())


def _overview(root: Path) -> Iterator[str]:
    text = (root / "README.md").read_text(encoding="utf-8")

    def body() -> Iterator[str]:
        yield from roff.heading("Description")
        yield from markdown.pages(markdown.introduction(text))
        for title in ("Use it", "With flux-core", "Write a module"):
            yield from roff.heading(title)
            yield from markdown.pages(markdown.section(text, f"## {title}"))
        yield from roff.heading("Commands")
        for name, (_, purpose) in COMMANDS.items():
            yield from roff.tagged(roff.bold(f"flux {name}"), purpose)

    purpose = "all-or-nothing configuration changes for the modules of a broker"
    return _page("flux-accord", 7, purpose, body())


PAGES: dict[str, Callable[[Path], Iterator[str]]] = {
    "flux-accord.7": _overview,
    "flux-accord-broker.1": _broker,
    "flux-accord-config.1": _config,
    "flux-accord-module.1": _module,
}
"""By file name: what makes its lines, for the tree at this path."""
