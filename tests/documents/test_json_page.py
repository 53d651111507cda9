# SPDX-License-Identifier: LGPL-3.0-or-later
"""docs/json.md, the schemas of the package and the enumeration of codes say the same."""

import ast
import re
from typing import Any

import jsonschema
import pytest

from cli.commands.config import schema
from protocol.reason_code import ReasonCode
from tests.support.client_calls import ROOT

PAGE = (ROOT / "docs" / "json.md").read_text()
_FIELD = re.compile(r"^\| (\*?)`([\w-]+)`\*? \|", re.MULTILINE)
WITH_TABLE = ("outcome", "failure", "reason", "status", "entry", "change", "diff", "watch", "dump",
              "modules", "values", "validate", "check", "events", "trace")  # fmt: skip


def section(name: str) -> str:
    (found,) = re.findall(rf"^##+ {name}$(.*?)(?=^##+ |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def documented(name: str) -> tuple[set[str], set[str]]:
    """The fields of a section that are always there, and those that may be."""
    fields = _FIELD.findall(section(name))
    return {field for mark, field in fields if not mark}, {field for mark, field in fields if mark}


def test_the_page_lists_every_code_once() -> None:
    listed = re.findall(r"^\| `([\w-]+)` \|", section("codes"), re.MULTILINE)
    assert listed == [str(code) for code in ReasonCode]


@pytest.mark.parametrize("name", WITH_TABLE)
def test_page_and_schema_name_the_same_fields(name: str) -> None:
    whole = schema.of_document(name)
    always, sometimes = documented(name)
    assert set(whole["properties"]) == always | sometimes
    assert set(whole["required"]) == always


@pytest.mark.parametrize("name", schema.names())
def test_every_schema_is_one(name: str) -> None:
    whole = schema.of_document(name)
    jsonschema.Draft202012Validator.check_schema(whole)
    assert name in PAGE
    assert ".json" not in str(whole), "it can be used alone"


def test_codes_in_schemas_are_all_codes() -> None:
    for name in ("reason", "failure"):
        field: dict[str, Any] = schema.of_document(name)["properties"]["code"]
        assert field["enum"] == [str(code) for code in ReasonCode]


def test_codes_that_commands_write_as_text_are_codes() -> None:
    """The commands' quick paths do not import the enumeration."""
    found = set()
    for file in (ROOT / "cli").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "Trouble":
                continue
            for argument in node.args[1:2]:
                inner = [part for part in ast.walk(argument) if isinstance(part, ast.Constant)]
                found |= {part.value for part in inner if isinstance(part.value, str)}
    assert {"no-broker", "not-flux-accord", "usage", "interrupted"} <= found
    assert found <= {str(code) for code in ReasonCode}
