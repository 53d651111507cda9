# SPDX-License-Identifier: LGPL-3.0-or-later
"""The front as a process: it waits, and hands what comes to the desk, to the agent, to a standby.

Who watches whom: the front starts the agent, and starts it again; it makes a standby, and makes
another one.  The standby takes the front's place.  An agent that finds neither starts a front.
When the broker is gone all three end.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from fluxcore.front.agent_process import AgentProcess
from fluxcore.front.channel import Channel, Gone, Message
from fluxcore.front.desk import Desk, ServiceRequest
from fluxcore.front.door import Door
from fluxcore.front.standby import Standby, fork_standby
from protocol import limits

_LIFE_BYTES = 8
_RETRY_SECONDS = 1.0
_NONSENSE = (Gone, ValueError, KeyError, IndexError, TypeError, AttributeError)
"""What comes of a caller that is gone, or says what no end of ours would."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class BrokerLink(Protocol):
    """What is asked of the connection to the local broker."""

    def fileno(self) -> int:
        """The descriptor, to wait for."""

    def receive(self) -> Iterator[ServiceRequest]:
        """All requests that have come.  Raises OSError when the broker is gone."""

    def take_name(self) -> None:
        """Be who serves `config`.  Raises OSError."""

    def give_name_back(self) -> None:
        """Be it no longer.  Raises OSError."""


class FrontProcess:
    """One life of one rank's front.  `connect` leads to the broker, and raises OSError."""

    def __init__(self, door: Door, command: list[str], connect: Callable[[], BrokerLink]) -> None:
        self._door = door
        self._connect = connect
        self._command = command
        self._now = time.monotonic
        self._desk = Desk(os.urandom(_LIFE_BYTES).hex(), self._now)
        self._agent = AgentProcess(command, self._now)
        self._link: Channel | None = None
        """The agent's."""
        self._callers: dict[int, Channel] = {}
        self._ready: list[Callable[[], None]] = []
        self._broker: BrokerLink | None = None
        self._standby: Standby | None = None
        self._standby_at: float | None = None
        """When another one is to be made, where that failed."""
        self._serves = False
        """Whether the name is ours."""
        self._once_served = False
        self._end_by: float | None = None
        """When the agent, which is to end, is killed."""
        self._gives_back = False

    def begin(self, agent: int, ready: Callable[[], None]) -> int:
        """Serve from the start; `agent` is the process of one that is there, or 0.  The status.

        `ready` is called when the rank is served.
        """
        if self._agent.adopt(agent) if agent else False:
            return self._take_over(agent)
        self._ready.append(ready)
        self._renew_standby()
        self._broker = self._connect()
        self._agent.start_at = self._now()
        return self._run()

    def _take_over(self, agent: int) -> int:
        """Take the place of a front that has died, whose agent was this process."""
        self._once_served = True
        try:
            self._broker = self._connect()
        except OSError:
            return self._mourn(agent)
        known = self._door.read()
        if known is not None:
            self._desk.publish(*known)
            self._take_name()
        if not (agent and self._agent.adopt(agent)):
            self._agent.start_at = self._now()
        self._renew_standby()
        return self._run()

    def _mourn(self, agent: int) -> int:
        """Broker and front have died together: an agent that does not follow them is ended."""
        if agent and self._agent.adopt(agent):
            time.sleep(limits.AGENT_LINGER_SECONDS)
            self._agent.signal(signal.SIGKILL)
        return 0

    def _renew_standby(self) -> None:
        if self._standby is not None:
            self._standby.close()
            self._standby = None
        try:
            self._standby = fork_standby(self._door.kept, self._succeed)
        except OSError as error:
            self._standby_at = self._now() + _RETRY_SECONDS
            _say(f"there is no standby: {error.strerror}")
            return
        self._standby_at = None
        self._standby.tell(self._agent.pid)

    def _succeed(self, agent: int) -> int:
        """In the standby, when the front has died."""
        return FrontProcess(self._door, self._command, self._connect)._take_over(agent)

    # The loop

    def _run(self) -> int:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self._signals = reader
        while not self._is_over():
            self._turn()
        return self._leave()

    def _is_over(self) -> bool:
        return self._end_by is not None and not self._agent.pid

    def _turn(self) -> None:
        handlers = self._handlers()
        poll = select.poll()
        for descriptor, (events, _) in handlers.items():
            poll.register(descriptor, events)
        moments = [self._desk.due(), self._agent.start_at, self._end_by, self._standby_at]
        due = min((moment for moment in moments if moment is not None), default=None)
        wait = None if due is None else max(0, int((due - self._now()) * 1000) + 1)
        for descriptor, _ in poll.poll(wait):
            _, handler = handlers[descriptor]
            handler()
        self._time_passed()

    def _handlers(self) -> dict[int, tuple[int, Callable[[], None]]]:
        found: dict[int, tuple[int, Callable[[], None]]] = {
            self._signals: (select.POLLIN, self._signalled),
            self._door.listener.fileno(): (select.POLLIN, self._called),
        }
        if self._broker is not None:
            found[self._broker.fileno()] = (select.POLLIN, self._requested)
        if self._agent.descriptor >= 0:
            found[self._agent.descriptor] = (select.POLLIN, self._agent_died)
        if self._standby is not None:
            found[self._standby.descriptor] = (select.POLLIN, self._renew_standby)
        for number, caller in self._callers.items():
            events = select.POLLIN | (select.POLLOUT if caller.wants_to_write else 0)
            found[number] = (events, partial(self._said, caller))
        return found

    def _time_passed(self) -> None:
        now = self._now()
        self._desk.time_passed()
        if self._standby_at is not None and self._standby_at <= now:
            self._renew_standby()
        if self._end_by is not None and self._end_by <= now:
            self._agent.signal(signal.SIGKILL)
            self._end_by = now + limits.AGENT_LINGER_SECONDS
        elif self._agent.start_at is not None and self._agent.start_at <= now:
            if self._end_by is not None:
                self._agent.start_at = None
                return
            try:
                self._agent.start()
            except OSError as error:
                self._agent.start_at = now + _RETRY_SECONDS
                _say(f"the agent cannot be started: {error.strerror}")
            self._tell_standby()

    def _tell_standby(self) -> None:
        if self._standby is not None:
            self._standby.tell(self._agent.pid)

    # What comes

    def _signalled(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._signals, 512)
        self._end(gives_back=True)

    def _requested(self) -> None:
        if self._broker is None:  # found to be gone in this very turn
            return
        try:
            for request in self._broker.receive():
                self._desk.requested(request)
        except OSError:
            self._broker = None
            self._end(gives_back=False)

    def _called(self) -> None:
        connected = self._door.accept()
        if connected is None:
            return
        caller = Channel(connected)
        if caller.uid() not in (0, os.geteuid()):
            caller.close()
            return
        self._callers[caller.fileno()] = caller

    def _said(self, caller: Channel) -> None:
        if self._callers.get(caller.fileno()) is not caller:  # closed in this very turn
            return
        caller.flush()
        try:
            messages = caller.receive()
        except _NONSENSE:
            self._hung_up(caller)
            return
        for message in messages:
            try:
                self._heard(caller, message)
            except _NONSENSE:
                self._hung_up(caller)
                return

    def _hung_up(self, caller: Channel) -> None:
        del self._callers[caller.fileno()]
        caller.close()
        if caller is self._link:
            self._link = None
            self._desk.agent_gone()

    def _heard(self, caller: Channel, message: Message) -> None:
        fields, texts = message
        op = fields["op"]
        if caller is self._link:
            self._desk.agent_lives()
        if op == "agent":
            self._agent_called(caller)
        elif op == "in-force":
            self._in_force(caller, texts[0], fields["generation"])
        elif op == "answer":
            self._desk.answered(fields["txid"], fields["errno"], texts[0])
        elif op == "who":
            standby = self._standby.pid if self._standby else 0
            caller.send({"front": os.getpid(), "standby": standby, "agent": self._agent.pid})
        elif op == "wait":
            self._agent.start_soon()
            if self._link is not None and self._serves:
                caller.send({"op": "ready"})
            else:
                self._ready.append(lambda: caller.send({"op": "ready"}))
        elif op == "down":
            self._end(gives_back=True)

    # The agent

    def _agent_called(self, caller: Channel) -> None:
        if self._link is not None and self._link is not caller:
            self._hung_up(self._link)
        self._link = caller
        caller.send({"op": "front", "pid": os.getpid()})
        if self._agent.adopt(caller.pid()):
            self._tell_standby()
        if self._end_by is not None:
            self._agent.signal(signal.SIGTERM)

    def _in_force(self, caller: Channel, text: str, generation: int) -> None:
        """The agent waits for the answer: from then on all who ask are told this."""
        try:
            self._door.write(text, generation)
        except OSError as error:
            _say(f"what is in force could not be kept for a standby: {error.strerror}")
        self._desk.publish(text, generation)
        was_ours = self._serves
        try:
            self._take_name()
        except OSError as error:
            caller.send({"op": "kept", "taken": False, "errno": error.errno})
            return
        caller.send({"op": "kept", "taken": not was_ours, "errno": 0})
        self._agent.serves()
        self._once_served = True
        self._desk.agent_serves(caller)
        ready, self._ready = self._ready, []
        for tell in ready:
            tell()

    def _take_name(self) -> None:
        if not self._serves and self._broker is not None:
            self._broker.take_name()
            self._serves = True
            self._requested()  # what came while the answer was waited for shows no more

    def _agent_died(self) -> None:
        if not self._agent.is_dead:  # its successor has called in this very turn
            return
        status = self._agent.died()
        if self._link is not None:
            self._said_last(self._link)
        self._tell_standby()
        if not self._once_served:
            self._agent.start_at = None
            self._end(gives_back=False)
        elif self._end_by is None:
            _say(f"the agent has ended (status {status}); it is started again")

    def _said_last(self, link: Channel) -> None:
        """What it said before it died counts."""
        with suppress(*_NONSENSE):
            while True:
                for message in link.receive() or _no_more():
                    self._heard(link, message)
        if link is self._link:
            self._hung_up(link)

    # The end

    def _end(self, gives_back: bool) -> None:
        if self._end_by is None:
            self._gives_back = gives_back
            allowed = limits.AGENT_END_SECONDS if gives_back else limits.AGENT_LINGER_SECONDS
            self._end_by = self._now() + allowed
            self._agent.start_at = None
            self._agent.signal(signal.SIGTERM)

    def _leave(self) -> int:
        self._desk.end()
        if self._gives_back and self._serves and self._broker is not None:
            with suppress(OSError):  # the broker is gone, and there is nobody to give it back to
                self._broker.give_name_back()
        self._door.forget()
        if self._standby is not None:
            self._standby.farewell()
        return 0 if self._once_served else 1


def _no_more() -> list[Message]:
    raise Gone("nothing more has come")


def _say(text: Any) -> None:
    with suppress(OSError, ValueError):  # a full disk is no reason to die
        print(f"flux-accord front: {text}", file=sys.stderr, flush=True)
