# SPDX-License-Identifier: LGPL-3.0-or-later
"""One life of a broker: the production machine, and its effects carried out in the simulated world.

Does what `coordinator.broker` and `coordinator.executor` do, in their order: effects one by one,
the decision last and beside the loop, and whatever an effect reports at once (nobody there, process
started) fed to the machine before anything else is looked at.
"""

from collections import deque
from typing import TYPE_CHECKING, Any

from coordinator.core import effects
from coordinator.core.decisions import Decision, Durable, Unconfirmed
from coordinator.core.events import (
    Asked,
    Begin,
    CandidateRead,
    ConfirmationWritten,
    Died,
    Event,
    Forced,
    NotForced,
    Received,
    Spawned,
    TimePassed,
    Unreachable,
)
from coordinator.core.machine import Coordinator
from coordinator.core.requests import Spec
from coordinator.ledger.errors import NotWritten
from protocol import limits
from protocol.codec import Malformed, decode_from_participant, encode
from protocol.configuration import Configuration
from protocol.messages import Admit, Commit, FromCoordinator
from protocol.reasons import Reason, Refusal
from tests.simulation.disk_worker import DiskWorker
from tests.simulation.network import Connection
from tests.simulation.simulated_process import Crashed, SimulatedProcess

if TYPE_CHECKING:
    from tests.simulation.world import World


class SimulatedBroker:
    """From the opening of the ledger to the end, however it comes."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.alive = True
        self.paused_at: float | None = None
        self.ready = False
        self.trip: int | None = None
        """Operations until it dies."""
        self.connections: dict[bytes, Connection] = {}
        self.children: list[SimulatedProcess] = []
        self.ledger = world.store.open()
        self.disk = DiskWorker(world, self.ledger)
        self.machine = Coordinator(
            self.ledger.epoch,
            self.ledger.last(),
            self.ledger.receipts(),
            self._unconfirmed(),
            ledger=self.ledger.identity,
            life=self.ledger.life,
        )
        self.expected: tuple[str, ...] = ()
        self._backlog: deque[Event] = deque()
        self._events: deque[Event] = deque()
        self._draining = False
        self._wakes: dict[float, None] = {}
        self._chance = world.chance.stream("broker")
        self._handlers: dict[type[Any], Any] = {
            effects.Send: lambda effect: self._broadcast(effect.peers, effect.message),
            effects.TellCommit: self._tell_commit,
            effects.TellAdmit: self._tell_admit,
            effects.ReadFiles: self._read_files,
            effects.ReadGeneration: self._recall,
            effects.RecordEdit: lambda _: None,
            effects.WriteConfirmation: self._confirm,
            effects.StartProcess: self._start_process,
            effects.Watch: self._watch,
            effects.Kill: self._kill,
            effects.Answer: self._answer,
            effects.AnswerInquiry: lambda effect: world.clients.told(effect.client),
            effects.RecordAttempt: lambda e: self.disk.submit(
                lambda: self.ledger.record_attempt(e.attempt)
            ),
            effects.RecordFilesDigest: self._know_files,
            effects.RecordAttached: self._know_member,
            effects.Wake: self._wake,
            effects.WriteLog: lambda _: None,
            effects.AnnounceReady: self._ready,
            effects.GiveUp: lambda effect: self._end(f"gave up: {effect.reasons[0]}"),
            effects.Halt: lambda _: self._end("halted"),
        }

    def _unconfirmed(self) -> Unconfirmed | None:
        found = self.ledger.unconfirmed()
        if found is None:
            return None
        generation, before, seconds = found
        return Unconfirmed(generation, before, self.world.scheduler.now + seconds)

    def __str__(self) -> str:
        return f"broker {self.machine.epoch}"

    @property
    def listening(self) -> bool:
        """Whether a connection to it can be made now."""
        return self.alive and self.paused_at is None

    def begin(self, modules: tuple[str, ...], files: Configuration | None, fallback: bool) -> None:
        """Start."""
        self.expected = modules
        named = tuple((name, Spec(name)) for name in modules)
        self.feed(Begin(named, files, self.ledger.attached(), fallback, limits.START_SECONDS))

    # The loop

    def hear(self, peer: bytes, frame: bytes) -> None:
        """A frame has arrived."""
        message = decode_from_participant(frame)
        if isinstance(message, Malformed):
            assert self.connections[peer].host.name in self.world.liars, message.why
            return
        self.feed(Received(peer, message))

    def died(self, name: str, pid: int, how: str) -> None:
        """A process that is watched has ended."""
        self.feed(Died(name, pid, how))

    def feed(self, event: Event) -> None:
        """Something happened."""
        if not self.alive:
            return
        if self.paused_at is not None:
            self._backlog.append(event)
            return
        self._events.append(event)
        if self._draining:
            return
        self._draining = True
        try:
            while self._events and self.alive:
                self._step(self._events.popleft())
        except Crashed:
            self.crash()
        finally:
            self._draining = False

    def _step(self, event: Event) -> None:
        if isinstance(event, Received):
            self.world.tell("{} hears {} from {}", self.machine.epoch, event.message,
                            self.connections[event.peer].host.name)  # fmt: skip
        if isinstance(event, Forced):
            self.disk.unacknowledged = False
        elif isinstance(event, Asked):
            self.world.clients.heard(event.client)
        step = self.machine.step(self.world.scheduler.now, event)
        for hook in self.world.hooks.thought:
            hook(self)
        for effect in step.effects:
            self._operate()
            self._handlers[type(effect)](effect)
            if not self.alive:
                break
        else:
            if step.force is not None:
                self._operate()
                self._force(step.force)
        for hook in self.world.hooks.stepped:
            hook(self)

    def _operate(self) -> None:
        if self.trip is not None:
            self.trip -= 1
            if self.trip < 0:
                raise Crashed

    # The ledger

    def _force(self, decision: Decision) -> None:
        self.world.tell("{} forces {} as generation {}", self, decision.txid, decision.generation)
        self.disk.force(decision, self._forced)

    def _forced(self, decision: Decision, result: object) -> None:
        if not self.alive:
            return
        if isinstance(result, Durable):
            self.feed(Forced(result))
        elif isinstance(result, NotWritten):
            self.world.tell("the ledger refuses {}: {}", decision.txid, result)
            self.feed(NotForced(decision.txid, str(result)))
        else:
            self._end("the disk failed in mid-decision", lost=True)

    def _know_files(self, effect: effects.RecordFilesDigest) -> None:
        self.disk.submit(lambda: self.ledger.record_files(effect.generation, effect.digest))

    def _know_member(self, effect: effects.RecordAttached) -> None:
        self.disk.submit(lambda: self.ledger.record_attached(effect.name, effect.present))

    def _read_files(self, effect: effects.ReadFiles) -> None:
        def read() -> None:
            self.feed(CandidateRead(effect.txid, self.world.read_files()))

        self.world.scheduler.after(self._chance.random() * 0.05 + self.world.files_hang, read)
        self.world.files_hang = 0.0

    def _recall(self, effect: effects.ReadGeneration) -> None:
        def read() -> None:
            if not self.alive:
                return
            found = self.ledger.generation(effect.generation)
            none = Refusal((Reason("config", f"generation {effect.generation} is not kept"),))
            self.feed(CandidateRead(effect.txid, found.configuration if found else none))

        self.world.scheduler.after(self._chance.random() * 0.05, read)

    def _confirm(self, effect: effects.WriteConfirmation) -> None:
        def then(result: object) -> None:
            if not self.alive:
                return
            if result is None or isinstance(result, NotWritten):
                self.feed(ConfirmationWritten(effect.generation, str(result) if result else ""))
            else:
                self._end("the disk failed in a confirmation", lost=True)

        self.disk.put(lambda: self.ledger.confirm(effect.generation), then)

    # Participants

    def _tell_commit(self, effect: effects.TellCommit) -> None:
        receipt = effect.receipt
        message = Commit(self.ledger.identity, self.machine.epoch, receipt.txid, receipt.generation)
        self._broadcast(effect.peers, message)

    def _tell_admit(self, effect: effects.TellAdmit) -> None:
        configuration = effect.durable.configuration
        message = Admit(
            self.ledger.identity,
            self.machine.epoch,
            effect.session,
            effect.durable.generation,
            configuration.digest,
            configuration.encoded,
            effect.arguments,
        )
        self._broadcast((effect.peer,), message)

    def _broadcast(self, peers: tuple[bytes, ...], message: FromCoordinator) -> None:
        frame = encode(message)
        for peer in peers:
            self._operate()
            connection = self.connections[peer]
            reached = connection.down(frame, message)
            self.world.tell("{} sends {} to {}{}", self, message, connection.host.name,
                            "" if reached else ", who is not there")  # fmt: skip
            if not reached:
                self.feed(Unreachable(peer))

    def _start_process(self, effect: effects.StartProcess) -> None:
        if self.world.fails_to_start(effect.name):
            self.feed(Died(effect.name, 0, "could not be started"))
            return
        host = self.world.spawn(effect.name, self)
        host.watchers[self.machine.epoch, effect.name] = self
        self.children.append(host)
        self.feed(Spawned(effect.name, host.pid))

    def _watch(self, effect: effects.Watch) -> None:
        host = self.world.processes.get(effect.pid)
        if host is None or not host.alive:
            self.feed(Died(effect.name, effect.pid, "its process is gone"))
        else:
            host.watchers[self.machine.epoch, effect.name] = self

    def _kill(self, effect: effects.Kill) -> None:
        host = self.world.processes.get(effect.pid)
        if host is not None and host.parent is self and host.name == effect.name:
            seconds = 0.001 if self._chance.random() < 0.9 else 5 * self._chance.random()
            self.world.scheduler.after(seconds, host.die, "killed by its broker")

    # Clients, timers, the start

    def _answer(self, effect: effects.Answer) -> None:
        self.world.clients.answered(self, effect.client, effect.outcome)

    def _wake(self, effect: effects.Wake) -> None:
        if effect.at_monotonic not in self._wakes:
            self._wakes[effect.at_monotonic] = None
            self.world.scheduler.at(effect.at_monotonic, self._woke, effect.at_monotonic)

    def _woke(self, at: float) -> None:
        del self._wakes[at]
        self.feed(TimePassed())

    def _ready(self, effect: effects.AnnounceReady) -> None:
        why: tuple[Reason, ...] = effect.refused
        self.ready = True
        self.world.tell("{} is ready{}", self, ", without the files" if why else "")

    # Ends

    def pause(self) -> None:
        """SIGSTOP, or a machine that has other things to do."""
        if self.paused_at is None:
            self.paused_at = self.world.scheduler.now

    def resume(self) -> None:
        """SIGCONT: what has come in meanwhile is dealt with."""
        if self.paused_at is None:
            return
        self.world.clients.forgive(self, self.world.scheduler.now - self.paused_at)
        self.paused_at = None
        backlog, self._backlog = self._backlog, deque()
        for event in backlog:
            self.feed(event)
        if self is self.world.broker:
            self.world.network.retry()

    def crash(self) -> None:
        """It ends at once, and its modules with it."""
        if not self.alive:
            return
        self.alive = False
        self.world.tell("{} crashes", self)
        self.disk.crash()
        for connection in self.connections.values():
            connection.sever()
        self._leave()

    def _end(self, how: str, lost: bool = False) -> None:
        """It leaves its loop; `lost`: without knowing what is on its disk."""
        if not self.alive:
            return
        self.alive = False
        self.world.tell("{} ends: {}", self, how)
        for hook in self.world.hooks.ended:
            hook(self, lost)
        if lost:
            self.disk.crash()
        else:
            self.disk.finish()
        for connection in self.connections.values():
            connection.finish()
        self._leave()

    def _leave(self) -> None:
        for host in self.children:
            host.die("its broker is gone")
        self.world.clients.cut(self)
        self.world.broker_is_gone(self)
