# SPDX-License-Identifier: LGPL-3.0-or-later
"""What clients can ask to be changed: checked here, decided by the machine."""

from coordinator.api.fields import (
    BadRequest,
    ChangeOptions,
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
from coordinator.core.merge_patch import MergePatch
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
from coordinator.files.merge_process import merge_beside, read_patch_beside
from coordinator.files.reading import Source
from protocol import limits
from protocol.configuration import Configuration
from protocol.reason_code import ReasonCode


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
            "merge": self._merge,
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
            why = "the broker was started without a configuration path; there are no files"
            raise BadRequest(why, ReasonCode.NOT_FOUND)
        who, options = self._who(request, caller), change_options(request)
        return Change(options.request(FromFiles(), "reload", who))

    def _load(self, request: Fields, caller: Caller) -> MergeFirst:
        who, options = self._who(request, caller), change_options(request)

        def build(candidate: Configuration) -> Request:
            return options.request(Replacement(candidate), "load", who)

        attempt = self._attempt("load", who, options)
        return MergeFirst(sources(request), merge_beside, build, attempt)

    def _merge(self, request: Fields, caller: Caller) -> MergeFirst:
        who, options = self._who(request, caller), change_options(request)
        texts = sources(request)
        if len(texts) != 1:
            raise BadRequest("the field sources must have one element for a merge")

        def build(patch: MergePatch) -> Request:
            return options.request(patch, "merge", who)

        def read(texts: tuple[Source, ...]) -> MergePatch:
            return MergePatch(read_patch_beside(texts))

        return MergeFirst(texts, read, build, self._attempt("merge", who, options))

    def _attempt(self, verb: str, who: Who, options: ChangeOptions) -> Attempt | None:
        """What the history keeps where the texts cannot be read; nothing of a dry run."""
        if options.dry_run:
            return None
        return Attempt("", self._broker.machine.generation, "", verb, who, options.message)

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
            raise BadRequest(str(error), ReasonCode.NOT_FOUND) from None


def _arguments(request: Fields) -> tuple[tuple[str, str], ...]:
    """Load arguments, within their limits.  Raises BadRequest."""
    arguments = pairs(request, "arguments")
    if len(arguments) > limits.ARGUMENTS:
        many = f"a module can be given at most {limits.ARGUMENTS} load arguments"
        raise BadRequest(many, ReasonCode.TOO_LARGE)
    if sum(len(key) + len(value) for key, value in arguments) > limits.ARGUMENTS_LENGTH:
        long = f"the load arguments are longer than {limits.ARGUMENTS_LENGTH} characters"
        raise BadRequest(long, ReasonCode.TOO_LARGE)
    return arguments


def _loaded_name(request: Fields) -> str:
    name = text(request, "name")
    if not name:
        raise BadRequest("the field name must not be empty")
    return name
