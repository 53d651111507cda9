# SPDX-License-Identifier: LGPL-3.0-or-later
"""Resources that do not exist, for tests of schedulers: flux-config-fake-resources(5).

flux-core reads this table in a Python task when it starts, so integers are not cut and `true` is 1.
The amender's code is looked up but not run: nothing here would use what it returns.
"""

import ast
import os
from importlib.util import find_spec
from typing import Annotated, Any, Final

from pydantic import BeforeValidator
from pydantic_core import PydanticKnownError

from participant.module import Reject
from participant.modules.tables.base import LaxTable
from participant.modules.tables.files import read_file
from participant.modules.tables.inventory import Inventory
from participant.settings.field import Field
from participant.settings.types import PathText, at_least, at_most
from protocol.formats.hostlist import RANGE_HOSTS, Hosts
from protocol.formats.idset import LARGEST_ID

LONGEST_FILE: Final = 64 * 1024 * 1024
"""Bytes of the largest topology or amender."""


def _python_integer(value: Any) -> int:
    if not isinstance(value, int):
        raise PydanticKnownError("int_type")
    return int(value)


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) else value


class FakeResources(LaxTable):
    """The table `fake-resources`."""

    nnodes: Annotated[int, BeforeValidator(_python_integer), at_least(1), at_most(RANGE_HOSTS)] = (
        Field(description="number of nodes, 1 or more")
    )
    cores_per_node: Annotated[
        int, BeforeValidator(_python_integer), at_least(1), at_most(LARGEST_ID)
    ] = Field(64, description="cores of each node, 1 or more")
    gpus_per_node: Annotated[int, BeforeValidator(_python_integer), at_most(LARGEST_ID)] = Field(
        0, description="gpus of each node; 0 or less for none"
    )
    host_prefix: Annotated[str, BeforeValidator(_text)] = Field(
        "fake", description="what the nodes' names begin with; their ranks follow"
    )
    hwloc_xml_path: PathText | None = Field(
        None, description="hwloc topology that every node has instead, an XML file"
    )
    amend_r: str | None = Field(
        None, description="module:function, or a file that defines amend, which amends R"
    )


def inventory(table: FakeResources) -> Inventory:
    """The resources to pretend."""
    hosts = Hosts.parse(f"{table.host_prefix}[0-{table.nnodes - 1}]")
    return Inventory(
        tuple(hosts),
        table.nnodes * table.cores_per_node,
        table.nnodes * max(table.gpus_per_node, 0),
    )


def objections(table: FakeResources) -> list[Reject]:
    """All that is wrong with the table beyond its types."""
    found = {
        "host-prefix": _fault_of_prefix(table),
        "hwloc-xml-path": _fault_of_topology(table.hwloc_xml_path),
        "amend-r": _fault_of_amender(table.amend_r),
    }
    return [
        Reject(message, key=key, table="fake-resources")
        for key, message in found.items()
        if message
    ]


def _fault_of_prefix(table: FakeResources) -> str | None:
    if any(character in ",[] \t" for character in table.host_prefix):
        return "must not contain a blank, a comma or a bracket"
    if len(Hosts.parse(f"{table.host_prefix}[0-{table.nnodes - 1}]")) != table.nnodes:
        return "is too long for a host name"
    return None


def _fault_of_topology(path: str | None) -> str | None:
    if path is None:
        return None
    from xml.etree.ElementTree import ParseError, fromstring  # hardly ever needed

    try:
        fromstring(read_file(path, LONGEST_FILE))
    except ParseError as error:
        return f"{path} is not an XML file: {error}"
    except ValueError as error:
        return str(error)
    return None


def _fault_of_amender(reference: str | None) -> str | None:
    if reference is None:
        return None
    module, colon, function = reference.partition(":")
    if not colon:
        path, function = os.path.expanduser(reference), "amend"
    else:
        try:
            found = find_spec(module)
        except (ImportError, ValueError) as error:
            return f"names a module that cannot be found: {error}"
        if found is None:
            return f"names a module that cannot be found: {module}"
        if found.origin is None or not found.origin.endswith(".py"):
            return None  # no source to look into
        path = found.origin
    try:
        defined = _defined_in(read_file(path, LONGEST_FILE))
    except SyntaxError as error:
        return f"{path} is not a Python file: {error}"
    except ValueError as error:
        return str(error)
    return None if function in defined else f"names {function}, which {path} does not define"


def _defined_in(source: bytes) -> set[str]:
    """The names that the top level of a Python file defines, assigns or imports."""
    names: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return names
