# SPDX-License-Identifier: LGPL-3.0-or-later
"""What clients can ask to be changed: checked here, decided by the machine."""

from coordinator.api.fields import (
    BadRequest,
    Fields,
    change_options,
    dotted,
    flag,
    generation,
    key,
    pairs,
    seconds,
    sources,
    text,
    texts,
)
from coordinator.api.handle import BrokerHandle
from coordinator.api.secret_places import SecretPlaces
from coordinator.api.table import Caller, Change, Handler, Kind, MergeFirst, Table, TableEntry
from coordinator.core.decisions import Attempt
from coordinator.core.edit import Edit
from coordinator.core.requests import (
    ConfigureRequest,
    ConfirmRequest,
    Earlier,
    FromFiles,
    LoadRequest,
    ModuleReloadRequest,
    RemoveRequest,
    Replacement,
    Request,
    Spec,
    Who,
)
from coordinator.core.typed_text import KINDS
from protocol import limits
from protocol.configuration import Configuration


class Changes:
    """Requests for the machine.  Every handler raises BadRequest for fields that make no sense."""

    def __init__(self, broker: BrokerHandle, secrets: SecretPlaces) -> None:
        self._broker = broker
        self._secrets = secrets

    def table(self) -> Table:
        """The rows that are served here."""
        handlers: dict[str, Handler] = {
            "reload": self._reload,
            "load": self._load,
            "set": self._set,
            "unset": self._unset,
            "rollback": self._rollback,
            "confirm": self._confirm,
            "module-load": self._module_load,
            "module-remove": self._module_remove,
            "module-configure": self._module_configure,
            "module-reload": self._module_reload,
        }
        return {op: TableEntry(Kind.CHANGE, handler) for op, handler in handlers.items()}

    # The configuration

    def _reload(self, request: Fields, caller: Caller) -> Change:
        if not self._broker.attributes.get("config.path"):
            raise BadRequest(
                "the broker was started without a configuration path; there are no files"
            )
        who, options = self._who(request, caller), change_options(request)
        return Change(options.request(FromFiles(), "reload", who))

    def _load(self, request: Fields, caller: Caller) -> MergeFirst:
        who, options = self._who(request, caller), change_options(request)

        def build(candidate: Configuration) -> Request:
            return options.request(Replacement(candidate), "load", who)

        attempt = None
        if not options.dry_run:
            base = self._broker.machine.generation
            attempt = Attempt("", base, "", "load", who, options.message)
        return MergeFirst(sources(request), build, attempt)

    def _set(self, request: Fields, caller: Caller) -> Change:
        kind = text(request, "type") if request.get("type") is not None else None
        if kind in ("fsd-integer", "fsd-real"):
            raise BadRequest(f"{kind} is a way to print a value, not to set one; use --type=fsd")
        if kind is not None and kind not in KINDS:
            raise BadRequest(f"Unknown type: {kind:.60}")
        path = key(request)
        edit = Edit(path, text(request, "value"), kind, self._secrets.known().is_secret(path))
        return Change(change_options(request).request(edit, "set", self._who(request, caller)))

    def _unset(self, request: Fields, caller: Caller) -> Change:
        edit = Edit(key(request), None)
        return Change(change_options(request).request(edit, "unset", self._who(request, caller)))

    def _rollback(self, request: Fields, caller: Caller) -> Change:
        number = None if request.get("generation") is None else generation(request)
        who, options = self._who(request, caller), change_options(request)
        return Change(options.request(Earlier(number), "rollback", who))

    def _confirm(self, request: Fields, caller: Caller) -> Change:
        extend = None if request.get("extend") is None else seconds(request, "extend")
        return Change(ConfirmRequest(self._who(request, caller), seconds(request), extend))

    # Modules

    def _module_load(self, request: Fields, _: Caller) -> Change:
        name, path = text(request, "name"), text(request, "path")
        if not name or len(name) > limits.NAME_LENGTH or not name.isprintable():
            raise BadRequest(f"{name!r:.60} is no name for a module")
        spec = Spec(self._resolved(path), _arguments(request))
        return Change(LoadRequest(name, spec, seconds(request)))

    def _module_remove(self, request: Fields, _: Caller) -> Change:
        return Change(
            RemoveRequest(
                name=_loaded_name(request),
                seconds=seconds(request),
                force=flag(request, "force"),
                cancel=flag(request, "cancel"),
            )
        )

    def _module_configure(self, request: Fields, caller: Caller) -> Change:
        values = (
            *pairs(request, "set"),
            *((dotted(name), None) for name in texts(request, "unset")),
        )
        if not values:
            raise BadRequest("nothing is to be set or unset")
        return Change(
            ConfigureRequest(
                name=text(request, "name"),
                given=values,
                who=self._who(request, caller),
                seconds=seconds(request),
                dry_run=flag(request, "dry_run"),
            )
        )

    def _module_reload(self, request: Fields, _: Caller) -> Change:
        arguments = _arguments(request) if request.get("arguments") is not None else None
        otherwise = None
        if request.get("path") is not None:
            otherwise = Spec(self._resolved(text(request, "path")), arguments or ())
        return Change(
            ModuleReloadRequest(
                name=_loaded_name(request),
                seconds=seconds(request),
                otherwise=otherwise,
                arguments=arguments,
                cancel=flag(request, "cancel"),
            )
        )

    def _who(self, request: Fields, caller: Caller) -> Who:
        """Who asks, with the command as it is kept: without a secret that was typed."""
        typed = text(request, "command", "")[: limits.COMMAND_LENGTH]
        return caller.who(self._secrets.known().without_value(typed))

    def _resolved(self, path: str) -> str:
        try:
            return self._broker.resolve(path)
        except LookupError as error:
            raise BadRequest(str(error)) from None


def _arguments(request: Fields) -> tuple[tuple[str, str], ...]:
    """Load arguments, within their limits.  Raises BadRequest."""
    arguments = pairs(request, "arguments")
    if len(arguments) > limits.ARGUMENTS:
        raise BadRequest(f"a module can be given at most {limits.ARGUMENTS} load arguments")
    if sum(len(key) + len(value) for key, value in arguments) > limits.ARGUMENTS_LENGTH:
        raise BadRequest(f"the load arguments are longer than {limits.ARGUMENTS_LENGTH} characters")
    return arguments


def _loaded_name(request: Fields) -> str:
    name = text(request, "name")
    if not name:
        raise BadRequest("the field name must not be empty")
    return name
