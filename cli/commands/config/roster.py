# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which modules `validate` asks, and with which values of their own: the bundled ones, or those of
a broker, from what `flux config dump` printed there.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from cli.client import Trouble
from cli.commands.config.time_limit import within
from participant.loader import NotFound, Unloadable, load, name_of, resolve
from participant.module import Module
from participant.modules import BUNDLED
from protocol import limits
from protocol.messages import LOAD_ARGUMENT, Argument, Arguments
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason
from protocol.secrets import MASK

_VARIABLE = "environment variable "
"""How the origin of a value from the environment begins: participant/settings/layers.py."""


class AskedModule(NamedTuple):
    """One module that is asked."""

    module: type[Module]
    arguments: Arguments = ()


class Roster(NamedTuple):
    """Who is asked, by name, and of whom that cannot be done."""

    asked: dict[str, AskedModule]
    not_asked: tuple[Reason, ...] = ()


def bundled(named: Iterable[str], seconds: float) -> Roster:
    """The bundled modules and those that are `named`.  Raises Trouble.

    Each of the latter has so many seconds to be imported.
    """
    ours = {name: AskedModule(load(name)) for name in BUNDLED}
    return Roster({**ours, **_named(named, seconds)})


def dumped(path: str, named: Iterable[str], seconds: float) -> Roster:
    """The modules of a broker, as its dump at `path` tells, and those that are `named`.

    Each has so many seconds to be imported.  Raises Trouble where that is no dump.
    """
    asked: dict[str, AskedModule] = {}
    not_asked: list[Reason] = []
    for name, told in _modules(path).items():
        try:
            if not told.get("path"):
                raise NotFound("is attached: only its own process knows what it would say")
            module = _load(str(told["path"]), seconds)
        except (NotFound, Unloadable) as error:
            not_asked.append(Reason(name, f"not asked: {error}", code=ReasonCode.NOT_ASKED))
            continue
        arguments = tuple(_arguments(told))
        hidden = [one.key for one in arguments if one.value == MASK]
        not_asked += [Reason(name, f"{key}: a secret is in no dump; judged without it",
                             code=ReasonCode.NOT_ASKED) for key in hidden]  # fmt: skip
        asked[name] = AskedModule(module, tuple(one for one in arguments if one.value != MASK))
    return Roster({**asked, **_named(named, seconds)}, tuple(not_asked))


def _named(named: Iterable[str], seconds: float) -> dict[str, AskedModule]:
    try:
        return {name_of(typed): AskedModule(_load(resolve(typed), seconds)) for typed in named}
    except (NotFound, Unloadable) as error:
        raise Trouble(str(error), "unloadable") from None


def _load(located: str, seconds: float) -> type[Module]:
    with within(seconds):
        return load(located)


def _modules(path: str) -> dict[str, dict[str, Any]]:
    """`modules` of a dump in JSON or TOML."""
    try:
        with open(path, "rb") as file:
            text = file.read(limits.LINE_BYTES + 1)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise Trouble(f"{path}: cannot be read: {cause}", "unreadable") from None
    if len(text) > limits.LINE_BYTES:
        raise Trouble(f"{path}: is longer than {limits.LINE_BYTES} bytes", "too-large")
    dump = _parsed(text)
    modules = dump.get("modules")
    if dump.get("version") != 1 or not isinstance(modules, dict) or "attributes" not in dump:
        raise Trouble(f"{path}: is not what `flux config dump` prints", "syntax")
    return {name: told for name, told in modules.items() if isinstance(told, dict)}


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        if text.lstrip()[:1] == b"{":
            found = json.loads(text)
        else:
            import tomli

            found = tomli.loads(text.decode())
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _arguments(told: dict[str, Any]) -> Iterator[Argument]:
    """What the module was given over the configuration: environment, load arguments, runtime."""
    for key, entry in _table(told.get("config")).items():
        origin = str(_table(entry).get("origin", ""))
        if origin.startswith(_VARIABLE) and _table(entry).get("value") is not None:
            yield Argument(origin, key, _text(entry["value"]))
    for key, value in _table(told.get("arguments")).items():
        yield Argument(LOAD_ARGUMENT, key, str(value))
    for key, value in _table(told.get("runtime")).items():
        yield Argument("set at runtime", key, str(value))


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    """A value as it would be typed."""
    return value if isinstance(value, str) else json.dumps(value)
