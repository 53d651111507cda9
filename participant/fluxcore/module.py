# SPDX-License-Identifier: LGPL-3.0-or-later
"""For authors: an ordinary `participant.Module` as a Python broker module of flux-core.

    from participant import Module, Reject
    from participant.fluxcore.module import broker_module

    class Pump(Module): ...

    class PumpModule(broker_module(Pump)): ...

The file is loaded by `flux module load`.  The module then votes before a change is committed, and
nobody has to speak for it.  flux-core's bindings are imported when the class is made, not before:
type checkers and tests of the file's `Module` need none.

An exception that a handler lets through ends the module, and with it, by default, the broker
(flux-core 0.88).  So every handler here is guarded; an author's own take `guarded` for that.
"""

import errno
import functools
import json
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from participant.contract import NotAModule
from participant.fluxcore.voter import Objection, Voter
from participant.module import Module, Timer
from participant.unheard import run_verb

PREPARE: Final = "config-prepare"
RELOAD: Final = "config-reload"
ABORT: Final = "config-abort"

_SHORTEST_TIMER: Final = 0.001
"""Seconds; Flux's reactor takes a repeat of 0 for no repeat."""


def broker_module(module: type[Module]) -> Any:
    """A subclass of flux.brokermod.BrokerModule that serves `module`; the file needs no more.

    Raises ImportError where there is no flux-core of 0.88 or later.
    """
    base = import_module("flux.brokermod")
    handler: Any = base.request_handler

    def __init__(self: Any, handle: Any, *arguments: str) -> None:
        base.BrokerModule.__init__(self, handle, *arguments)
        try:
            self.voter = Voter(module(), self.name)
            self.voter.start(_welcome(handle), arguments)
        except (Objection, NotAModule) as error:
            for line in str(error).splitlines():
                self.log.error(line)
            raise ValueError(str(error)) from None  # flux-core shows it, and no traceback
        self.clock = _Clock(self)
        self.clock.look()

    def prepare(self: Any, message: Any) -> None:
        warnings = self.voter.prepare(_payload(message))
        self.handle.respond(message, {"warnings": warnings} if warnings else {})

    def reload(self: Any, message: Any) -> None:
        self.voter.reload(_payload(message))
        self.handle.respond(message)

    def abort(self: Any, message: Any) -> None:
        self.voter.abort(_payload(message))
        self.handle.respond(message)

    return type(
        f"Served{module.__name__}",
        (base.BrokerModule,),
        {
            "__init__": __init__,
            "__doc__": f"{module.__name__}, served to a Flux broker.",
            "__module__": __name__,
            "_accord_prepare": handler(PREPARE)(guarded(prepare)),
            "_accord_reload": handler(RELOAD)(guarded(reload)),
            "_accord_abort": handler(ABORT)(guarded(abort)),
        },
    )


def guarded(method: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """A handler whose exceptions are the answer: an Objection's lines, or what was raised."""

    @functools.wraps(method)
    def handle(self: Any, message: Any) -> None:
        try:
            method(self, message)
        except Objection as objection:
            self.handle.respond_error(message, errno.EINVAL, str(objection))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            text = f"{method.__name__} raised {type(error).__name__}: {error}"
            self.log.error(text)
            self.handle.respond_error(message, errno.EPROTO, text)
        if hasattr(self, "clock"):
            self.clock.look()

    return handle


class _Clock:
    """What the author asked for with `every`, on Flux's reactor."""

    def __init__(self, served: Any) -> None:
        self._served = served
        self._module: Module = served.voter.module

    def look(self) -> None:
        """Take in what has been asked for since."""
        asked, self._module.timers[:] = list(self._module.timers), []
        for timer in asked:
            seconds = max(timer.seconds, _SHORTEST_TIMER)
            call = functools.partial(self._ring, timer)
            self._served.handle.timer_watcher_create(seconds, call, repeat=seconds).start()

    def _ring(self, timer: Timer, _handle: Any, watcher: Any, *_: Any) -> None:
        if timer.cancelled:
            watcher.stop()
            watcher.destroy()
            return
        try:
            run_verb("a timer", timer.call)
        except Exception as error:
            text = self._module.without_secrets(str(error))
            self._served.log.error(f"a timer raised {type(error).__name__}: {text}")
        self.look()


def _payload(message: Any) -> Any:
    """The object of a request; None where there is none, which flux-core's `payload` raises for."""
    text = message.payload_str
    return json.loads(text) if text else None


def _welcome(handle: Any) -> Any:
    """What the broker gave the module to start with.

    To ask for `config.get` instead could wait for ever: a change under way waits for this module.
    """
    core = import_module("_flux._core")
    tree, text = core.ffi.new("void *[1]"), core.ffi.new("char *[1]")
    configuration = core.lib.flux_get_conf(handle.handle)
    message = core.lib.flux_msg_create(core.lib.FLUX_MSGTYPE_REQUEST)
    try:
        unpacked = core.lib.flux_conf_unpack(configuration, core.ffi.NULL, b"o", tree)
        packed = unpacked == 0 and core.lib.flux_msg_pack(message, b"O", tree[0]) == 0
        if not packed or core.lib.flux_msg_get_string(message, text) != 0:
            raise Objection(["the configuration that the broker gave cannot be read"])
        return json.loads(core.ffi.string(text[0]))
    finally:
        core.lib.flux_msg_destroy(message)
