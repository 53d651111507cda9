# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a module's class must be like for its gate to be one, looked at when it is loaded.

Python is content with a class whose `prepare` can never be called, never runs, or is never asked
because its name or that of its table is misspelt.  Such a module would agree to everything.
"""

import ast
import difflib
import inspect
import linecache
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, PydanticUndefinedAnnotation, PydanticUserError

from participant.module import Module
from participant.settings.model import Settings
from participant.settings.schema import unreadable_fields

VERBS: Final = {
    "prepare": ("new", "config"),
    "commit": ("staged",),
    "abort": ("staged",),
    "run": (),
    "stats": (),
    "clear_stats": (),
}
"""What an author overrides, and what it is given, in this order."""

_GATES = ("prepare", "commit", "abort")

_LIBRARY = (
    "judge",
    "start_judging",
    "end_judging",
    "weigh",
    "take",
    "lose",
    "report",
    "read_environment",
    "owned",
    "schema",
    "title",
    "purpose",
    "every",
    "whole",
    "secret_places",
    "without_secrets",
)
"""What the library itself calls; a helper of an author by that name would take its place."""

_NEAR = 0.85
"""difflib's ratio from which a name is taken for a misspelt one: one letter in seven."""


class NotAModule(TypeError):
    """The class could agree to what it never looked at; the text has a place for every fault."""


def check(module: type[Module]) -> None:
    """Raise NotAModule with all that is wrong with this class."""
    faults = [f"{_place(module, name)}{fault}" for name, fault in _faults(module)]
    if faults:
        raise NotAModule("; ".join(faults))


def check_instance(module: Module) -> None:
    """Raise NotAModule where its class or its making is wrong."""
    check(type(module))
    if not hasattr(module, "timers"):
        place = _place(type(module), "__init__")
        raise NotAModule(f"{place}__init__ does not call super().__init__(arguments)")
    hidden = [verb for verb in VERBS if verb in vars(module)]
    if hidden:
        place = _place(type(module), "__init__")
        raise NotAModule(
            f"{place}it sets self.{hidden[0]}, which would take the place of a method that can be "
            f"looked at: define {hidden[0]} in the class"
        )


def check_strays(module: type[Module], names: Mapping[str, object]) -> None:
    """Raise NotAModule where a gate is among the `names` of the file, and not in the class."""
    for verb in _GATES:
        function = names.get(verb)
        if not inspect.isfunction(function) or function.__module__ != module.__module__:
            continue
        taken = tuple(inspect.signature(function).parameters)
        if _definer(module, verb) is Module and (taken[:1] == ("self",) or taken == VERBS[verb]):
            code = function.__code__
            raise NotAModule(
                f"{code.co_filename}:{code.co_firstlineno}: {verb} is outside of the class, where "
                f"it is never called: indent it into {module.__name__}"
            )


def _faults(module: type[Module]) -> Iterator[tuple[str, str]]:
    """The names of attributes, and what is wrong with each."""
    for verb in VERBS:
        if fault := _fault_of_verb(module, verb):
            yield verb, fault
    yield from _misspelt_verbs(module)
    for name in _LIBRARY:
        if not _definer(module, name).__module__.startswith("participant."):
            yield name, f"{name} is the library's own and cannot be overridden; take another name"
    yield from _faults_of_config(module)
    yield from _faults_of_tables(module)


# Verbs


def _fault_of_verb(module: type[Module], verb: str) -> str:
    if _definer(module, verb) is Module:
        return ""
    if isinstance(inspect.getattr_static(module, verb), property):
        return f"{verb} is a property, not a method"
    function: Any = getattr(object.__new__(module), verb)
    if not callable(function):
        return f"{verb} is {function!r}, not a method"
    if inspect.iscoroutinefunction(function):
        return f"{verb} is `async def`, and nothing awaits it: make it a plain `def`"
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return f"{verb} has `yield` in it, so that calling it runs nothing: make it a plain `def`"
    if getattr(function, "__globals__", {}).get("__name__") == "contextlib":
        return f"{verb} is a context manager, which nobody enters: make it a plain `def`"
    return _fault_of_signature(verb, function)


def _fault_of_signature(verb: str, function: Callable[..., object]) -> str:
    wanted = VERBS[verb]
    try:
        signature = inspect.signature(function)
    except ValueError:  # of something that is not written in Python
        return ""
    shown = ", ".join(("self", *wanted))
    try:
        signature.bind(*wanted)
    except TypeError:
        return f"{verb} cannot be called as {verb}({shown}): it is declared {verb}{signature}"
    taken = tuple(signature.parameters)[: len(wanted)]
    if len(wanted) > 1 and taken == wanted[::-1]:
        return f"{verb} takes {' and '.join(taken)} the wrong way round: it is {verb}({shown})"
    return ""


def _misspelt_verbs(module: type[Module]) -> Iterator[tuple[str, str]]:
    missing = [verb for verb in _GATES if _definer(module, verb) is Module]
    for name, value in _own_names(module):
        plain = name.lower().removeprefix("on_").removeprefix("do_").strip("_")
        near = difflib.get_close_matches(plain, missing, 1, _NEAR)
        if near and callable(value) and not name.startswith("_") and name not in VERBS:
            yield name, f"{name} is never called, and there is no {near[0]}: is that its name?"


# Settings


def _faults_of_config(module: type[Module]) -> Iterator[tuple[str, str]]:
    config: object = module.Config
    if config is Module.Config:
        for name, value in _own_names(module):
            if inspect.isclass(value) and issubclass(value, BaseModel):
                yield name, f"{name} has settings, but only a class named Config is read"
    elif not (inspect.isclass(config) and issubclass(config, Settings)):
        yield "Config", "Config is not derived from Module.Config, so that its types are not strict"
    else:
        for name in _GATES:
            if any(inspect.isroutine(vars(base).get(name)) for base in config.__mro__):
                yield "Config", f"{name} is in Config, where it is never called: indent it less"
        if not module.__module__.startswith("participant.modules."):
            yield from _faults_of_fields(config)


def _faults_of_fields(config: type[Settings]) -> Iterator[tuple[str, str]]:
    try:
        fields = unreadable_fields(config)
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        yield "Config", str(error).partition("\n")[0]
    else:
        for field in fields:
            told = f"{field.model}.{field.name} has the type {field.type}"
            yield "Config", f"{told}, and nothing that can stand in a TOML file becomes one"


def _faults_of_tables(module: type[Module]) -> Iterator[tuple[str, str]]:
    table: object = module.table
    tables: object = module.tables
    if table is not None and not _is_table(table):
        yield "table", f"table is {table!r}; it must be the name of one table at the top level"
    elif not isinstance(tables, tuple | list) or not all(map(_is_table, tables)):
        yield "tables", f"tables is {tables!r}; it must be a tuple of names of tables"
    elif table is not None and tables:
        yield "tables", "it has both table and tables, of which only table would be read"
    elif table is None and not tables:
        yield from _nothing_read(module)
    elif tables and inspect.isclass(module.Config) and issubclass(module.Config, Settings):
        yield from _tables_without_fields(module.Config, tuple(tables))


def _is_table(name: object) -> bool:
    return isinstance(name, str) and name != "" and "." not in name


def _nothing_read(module: type[Module]) -> Iterator[tuple[str, str]]:
    near = [
        (name, f"{name} is not read: is `table` or `tables` meant?")
        for name, value in _own_names(module)
        if isinstance(value, str | tuple | list)
        and difflib.get_close_matches(name.lower(), ("table", "tables"), 1, 0.8)
    ]
    yield from near
    fields = getattr(module.Config, "model_fields", None)
    if fields and not near:
        yield "Config", "Config has settings, but the class has neither table nor tables"


def _tables_without_fields(
    config: type[Settings], tables: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    fields = {field.alias or name for name, field in config.model_fields.items()}
    for name in sorted(fields.difference(tables)):
        yield "Config", f"Config.{name} is in none of its tables, so that it is never read"
    if config.model_config.get("extra") != "allow":
        for name in sorted(set(tables) - fields):
            yield "tables", f"Config has no field for the table {name}, so that nobody looks at it"


# Where it is written


def _definer(module: type[Module], name: str) -> type:
    return next(base for base in module.__mro__ if name in vars(base))


def _own_names(module: type[Module]) -> Iterator[tuple[str, object]]:
    """What the class, and those of an author that it is derived from, define."""
    for base in module.__mro__:
        if issubclass(base, Module) and base is not Module:
            yield from ((name, value) for name, value in vars(base).items() if name[:2] != "__")


def _place(module: type[Module], name: str) -> str:
    """`FILE:LINE: ` of where `name` is defined; of the class, or empty, where that is not known."""
    where = _definer(module, name)
    try:
        file = inspect.getfile(where)
        tree = ast.parse("".join(linecache.getlines(file)))
    except (OSError, TypeError, SyntaxError):
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == where.__name__:
            lines = [inner.lineno for inner in node.body if name in _names_of(inner)]
            return f"{file}:{(lines or [node.lineno])[-1]}: "
    return f"{file}: "


def _names_of(node: ast.stmt) -> list[str]:
    """The names that a statement in the body of a class gives values to."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Assign():
            return [target.id for target in node.targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name() as target):
            return [target.id]
    return []
