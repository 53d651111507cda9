# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config schema`: the JSON Schema of what `--json` prints, for programs that check it."""

import argparse
import json
from pathlib import Path
from typing import Any

from cli.client import Trouble

_PLACE = Path(__file__).resolve().parents[2] / "schemas"


def build_schema(parser: argparse.ArgumentParser) -> None:
    """Describe `schema`."""
    parser.description = (
        "Print the JSON Schema (2020-12) of one of the documents that --json prints; without\n"
        "DOCUMENT, their names.  Needs no broker."
    )
    parser.add_argument("document", metavar="DOCUMENT", nargs="?")
    parser.set_defaults(run=schema)


def schema(options: argparse.Namespace) -> int:
    """Run `flux config schema`; the exit status."""
    known = names()
    if options.document is None:
        print("\n".join(known))
        return 0
    if options.document not in known:
        raise Trouble(
            f"there is no document {options.document!r:.60}; there are {', '.join(known)}",
            "not-found",
        )
    print(json.dumps(of_document(options.document), indent=1, ensure_ascii=False))
    return 0


def names() -> list[str]:
    """Of all documents, and of what occurs in several of them."""
    return sorted(path.stem for path in _PLACE.glob("*.json"))


def of_document(name: str) -> dict[str, Any]:
    """The schema of one document, with those that it refers to inside it."""
    parts: dict[str, Any] = {}
    whole = _bundled(_read(name), parts)
    return {**whole, "$defs": parts} if parts else whole


def _bundled(node: Any, parts: dict[str, Any]) -> Any:
    """`node` with references into `parts` in place of those to other files."""
    if isinstance(node, list):
        return [_bundled(member, parts) for member in node]
    if not isinstance(node, dict):
        return node
    name = str(node.get("$ref", "")).removesuffix(".json")
    if not name:
        return {key: _bundled(member, parts) for key, member in node.items()}
    if name not in parts:
        part = _read(name)
        del part["$schema"]
        parts[name] = _bundled(part, parts)
    return {**node, "$ref": f"#/$defs/{name}"}


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_PLACE / f"{name}.json").read_text(encoding="utf-8"))
    return found


BUILDERS = {"schema": build_schema}
