# SPDX-License-Identifier: LGPL-3.0-or-later
"""For a service that exists already: join a broker from within, served by a background thread.

The service lives on when the broker dies; its module goes on with the configuration it runs, and
joins again, by itself, when there is a broker again.
"""

import os
import threading
import time
from types import TracebackType

from participant.contract import check_instance
from participant.module import Module
from participant.runtime.serve import Serving
from participant.transport.zmq_dealer import ZmqDealer

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds before another try after a refusal


def attach(uri: str, module: Module, name: str = "") -> "Attachment":
    """Join the broker at `uri` (FLUX_URI, or its `modules-uri`) and keep joined.

    `name` is the name to join under (default: the module's).  Returns at once, joined or not.
    Raises ValueError for a URI that is neither `local://` nor `ipc://`, and NotAModule (a
    TypeError) for a module that would not be loaded either.

    Threads: `prepare`, `commit`, `abort`, `run`, `stats` and timers are called in one thread of the
    attachment's own, one at a time.  From other threads, `module.config`, `module.whole` and
    `module.arguments` may be read at any time: each is replaced as a whole just before `commit` is
    called, and what it was before is never written to; whoever wants two settings of one
    generation reads `config` once.  `every` is for the attachment's thread, or before `attach`.
    The attributes of the Attachment may be read, and `wait_for` and `close` be called, in any
    thread; `close` in the attachment's own thread returns before that ends.
    """
    check_instance(module)
    return Attachment(_modules_uri(uri), module, name or module.title())


class Attachment:
    """One module attached to a broker.  A context manager; `close` leaves."""

    def __init__(self, uri: str, module: Module, name: str) -> None:
        self._serving = Serving(ZmqDealer(uri, shared=True), module, name)
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._serving.watch(self._bell)
        self._closing = threading.Event()
        self.refusal = ""
        """Why the broker would not have us last time, if it would not."""
        self._thread = threading.Thread(target=self._serve, name=f"flux-{name}", daemon=True)
        self._thread.start()

    @property
    def generation(self) -> int:
        """The generation that the module runs; 0 before the first."""
        return self._serving.machine.generation

    @property
    def digest(self) -> str:
        """The digest of the configuration that the module runs."""
        return self._serving.machine.digest

    @property
    def in_doubt(self) -> str | None:
        """The txid whose decision is awaited, if any."""
        return self._serving.machine.in_doubt

    def wait_for(self, generation: int, seconds: float) -> bool:
        """Wait until the module runs `generation` or a later one, for at most `seconds`.

        Returns True if it does.
        """
        until = time.monotonic() + seconds
        while self.generation < generation and time.monotonic() < until:
            time.sleep(0.01)
        return self.generation >= generation

    def close(self) -> None:
        """Leave the broker and end the thread."""
        if self._closing.is_set():
            return
        self._closing.set()
        os.eventfd_write(self._bell, 1)
        if self._thread is not threading.current_thread():
            self._thread.join()
            os.close(self._bell)

    def __enter__(self) -> "Attachment":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _serve(self) -> None:
        serving, pause = self._serving, _FIRST_PAUSE
        while not self._closing.is_set():
            serving.turn()
            if serving.quit is None:
                continue
            if serving.quit.wanted:
                break
            self.refusal = serving.quit.why
            serving.quit = None
            serving.start_over()
            self._closing.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        serving.close(goodbye=self._closing.is_set())


def _modules_uri(uri: str) -> str:
    if uri.startswith("ipc://"):
        return uri
    if uri.startswith("local://"):
        return "ipc://" + os.path.join(os.path.dirname(uri.removeprefix("local://")), "modules")
    raise ValueError(f"{uri!r} is no URI of a broker; expected local:// or ipc://")
