# SPDX-License-Identifier: LGPL-3.0-or-later
"""For a service that exists already: join a broker from within, served by a background thread.

The service lives on when the broker dies; its module goes on with the configuration it runs, and
joins again, by itself, when there is a broker again.  docs/modules.md tells authors all of it.
"""

import atexit
import os
import threading
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Literal

from participant.contract import check_instance
from participant.core.effects import Tell
from participant.module import Module
from participant.runtime.inherited import close_connections
from participant.runtime.serve import Serving
from participant.stale import StaleConfiguration
from participant.transport.zmq_dealer import ZmqDealer
from protocol.messages import Applied

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds before another try after a refusal
_EXIT_SECONDS = 2.0  # that the end of the process waits for attachments to say goodbye

_open: "weakref.WeakSet[Attachment]" = weakref.WeakSet()
_attached: "weakref.WeakSet[Module]" = weakref.WeakSet()
"""No module is attached twice at a time: whose configuration would `config` be?"""

OnFork = Literal["refuse", "follow"]
Removed = Callable[[str], object]


def attach(
    uri: str,
    module: Module,
    name: str = "",
    *,
    removed: Removed | None = None,
    on_fork: OnFork = "refuse",
) -> "Attachment":
    """Join the broker at `uri` (FLUX_URI, or its `modules-uri`) and keep joined.

    `name` is the name to join under (default: the module's).  Returns at once, joined or not.
    Raises ValueError for a URI that is neither `local://` nor `ipc://`, for a module that is
    attached already, and for a name under which this process is attached there already; NotAModule
    (a TypeError) for a module that would not be loaded either.

    `removed` is called, with the reason, in the attachment's thread, when the broker has taken the
    module out (`flux module remove`): nobody keeps its configuration up to date any more.
    `on_fork`: in a child of fork(2) all reading of the configuration raises StaleConfiguration;
    with "follow", the child joins under the name `NAME.PID`, and it does so until it is admitted.

    Threads: `prepare`, `commit`, `abort`, `run`, `stats` and timers are called in one thread of the
    attachment's own, one at a time.  From other threads, `module.config`, `module.whole` and
    `module.arguments` may be read at any time: each is replaced as a whole just before `commit` is
    called, and what it was before is never written to; whoever wants two settings of one
    generation reads `config` once.  `every` is for the attachment's thread, or before `attach`.
    The attributes of the Attachment may be read, and `wait_for` and `close` be called, in any
    thread; `close` in the attachment's own thread returns before that ends.
    """
    check_instance(module)
    if module in _attached:
        raise ValueError("this module is attached already; attach another instance")
    place, name = _modules_uri(uri), name or module.title()
    if any((other.uri, other.name) == (place, name) for other in list(_open)):
        raise ValueError(f"this process is attached as {name} already; attach under another name")
    return Attachment(place, module, name, removed, on_fork)


class Attachment:
    """One module attached to a broker.  A context manager; `close` leaves."""

    def __init__(
        self,
        uri: str,
        module: Module,
        name: str,
        removed: Removed | None = None,
        on_fork: OnFork = "refuse",
    ) -> None:
        self.module = module
        self.name = name
        self.uri = uri
        self._removed = removed
        self._on_fork = on_fork
        self._begin()

    def _begin(self) -> None:
        """In the process that is attached, be it the one that called `attach` or its child."""
        self.refusal = ""
        """Why the broker will not have us, if it will not."""
        self.ended = ""
        """Why this attachment is over: it was closed, or the broker has removed the module."""
        self._stale = ""
        self._changed = threading.Condition()
        self._admitted_in = ""
        self._closing = threading.Event()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._serving = Serving(
            ZmqDealer(self.uri, shared=True), self.module, self.name, self._seen
        )
        self._serving.watch(self._bell)
        _open.add(self)
        _attached.add(self.module)
        self._thread = threading.Thread(target=self._serve, name=f"flux-{self.name}", daemon=True)
        self._thread.start()

    # What may be read in any thread

    @property
    def generation(self) -> int:
        """The generation that the module runs; 0 before the first."""
        self._check_process()
        return self._serving.machine.generation

    @property
    def digest(self) -> str:
        """The digest of the configuration that the module runs."""
        self._check_process()
        return self._serving.machine.digest

    @property
    def in_doubt(self) -> str | None:
        """The txid whose decision is awaited, if any."""
        self._check_process()
        return self._serving.machine.in_doubt

    @property
    def admitted(self) -> bool:
        """True while there is a broker for which the module runs what is in force."""
        self._check_process()
        machine = self._serving.machine
        return not self.ended and machine.joined and machine.session == self._admitted_in

    def wait_for(self, generation: int | None = None, seconds: float | None = None) -> bool:
        """Wait until the module runs `generation` or a later one; None: until it is admitted.

        For at most `seconds`, or for ever.  Returns True if it does, and False also when the
        attachment is over.  Raises RuntimeError in the attachment's own thread, which would wait
        for itself.
        """
        self._check_process()
        if self._thread is threading.current_thread():
            raise RuntimeError("wait_for in the attachment's own thread would wait for itself")

        def there() -> bool:
            return self.admitted if generation is None else self.generation >= generation

        with self._changed:
            self._changed.wait_for(lambda: there() or self.ended != "", seconds)
            return there()

    def close(self, seconds: float | None = None) -> None:
        """Leave the broker and end the thread, for which it waits; nothing where that is done.

        At most `seconds` are waited: a module that hangs in `prepare` cannot be ended.
        """
        if self._stale:
            return  # the parent's to close
        self._closing.set()
        with self._changed:
            if not self.ended:
                os.eventfd_write(self._bell, 1)
        if self._thread is not threading.current_thread():
            self._thread.join(seconds)

    def __enter__(self) -> "Attachment":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # The thread

    def _serve(self) -> None:
        serving, pause = self._serving, _FIRST_PAUSE
        self.module.served_in = threading.get_ident()
        why = "closed"
        while not self._closing.is_set():
            serving.turn()
            if self.admitted:
                pause, self.refusal = _FIRST_PAUSE, ""
            if serving.quit is None:
                continue
            if serving.quit.wanted:
                why = serving.quit.why or "removed"
                break
            self.refusal = serving.quit.why
            serving.quit = None
            serving.start_over()
            self._closing.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        was_removed = serving.quit is not None
        serving.close(goodbye=not was_removed)
        _open.discard(self)
        _attached.discard(self.module)
        self.module.served_in = None
        with self._changed:
            self.ended = why
            os.close(self._bell)
            self._changed.notify_all()
        if was_removed and self._removed is not None:
            try:
                self._removed(why)
            except Exception as error:  # an author's mistake must not look like ours
                serving.complain(f"removed raised {type(error).__name__}: {error}")

    def _seen(self, when: str, effect: object) -> None:
        """After what may be waited for: the module has taken something into use, and said so."""
        if when == "after" and isinstance(effect, Tell) and isinstance(effect.message, Applied):
            with self._changed:
                if effect.message.ok:
                    self._admitted_in = self._serving.machine.session
                self._changed.notify_all()

    # Children of fork(2)

    def _check_process(self) -> None:
        if self._stale:
            raise StaleConfiguration(self._stale)

    def in_child(self) -> None:
        """Called in a child of fork(2), where nobody brings the changes."""
        name = self.name
        self._stale = (
            f"process {os.getpid()} is a child by fork of the one in which {name} is attached, and "
            "is told of no change: attach a module in it, or attach with on_fork='follow'"
        )
        self.module.lose(self._stale)
        os.close(self._bell)
        if self._on_fork == "follow":
            self.name = f"{name}.{os.getpid()}"
            self._begin()


def _in_child() -> None:
    attachments = [attachment for attachment in _open if not attachment.ended]
    _open.clear()
    _attached.clear()
    for uri in {attachment.uri for attachment in attachments}:
        close_connections(uri)  # all, before any is made anew
    for attachment in attachments:
        attachment.in_child()


def _at_exit() -> None:
    """Say goodbye, so that the broker need not take the end of this process for an accident."""
    for attachment in list(_open):
        attachment.close(_EXIT_SECONDS)


os.register_at_fork(after_in_child=_in_child)
atexit.register(_at_exit)


def _modules_uri(uri: str) -> str:
    if uri.startswith("ipc://"):
        return uri
    if uri.startswith("local://"):
        return "ipc://" + os.path.join(os.path.dirname(uri.removeprefix("local://")), "modules")
    raise ValueError(f"{uri!r} is no URI of a broker; expected local:// or ipc://")
