# SPDX-License-Identifier: LGPL-3.0-or-later
"""The loop: descriptors, moments, turns, and the workers whose results it brings."""

import os

from coordinator.runtime.loop import READ, EpollLoop
from coordinator.runtime.worker import ThreadWorker


def test_moments_come_in_their_order_and_equal_callbacks_once() -> None:
    loop, seen = EpollLoop(), list[str]()

    def first() -> None:
        seen.append("first")

    def last() -> None:
        seen.append("last")
        loop.stop()

    now = loop.now()
    loop.call_at(now + 0.02, last)
    loop.call_at(now - 2.0, first)
    loop.call_at(now - 1.0, first)
    loop.run()
    loop.close()
    assert seen == ["first", "last"]


def test_a_turn_that_wants_more_does_not_wait() -> None:
    """Nothing is registered and no moment is near: a wait would be for ever."""
    loop, turns = EpollLoop(), list[int]()

    def turn() -> bool:
        turns.append(1)
        if len(turns) == 3:
            loop.stop()
        return True

    loop.each_turn(turn)
    loop.run()
    loop.close()
    assert len(turns) == 3


def test_what_a_moment_brings_is_not_slept_over() -> None:
    """What a timer does may be all the signal that there is of more to do."""
    loop, waiting = EpollLoop(), list[str]()

    def turn() -> bool:
        if waiting:
            loop.stop()
        return False

    def too_late() -> None:
        raise AssertionError("it waited until something else happened")

    loop.each_turn(turn)
    now = loop.now()
    loop.call_at(now - 1.0, lambda: waiting.append("a message"))
    loop.call_at(now + 20.0, too_late)
    loop.run()
    loop.close()
    assert waiting == ["a message"]


def test_a_descriptor_wakes_it_until_it_is_unregistered() -> None:
    loop = EpollLoop()
    reader, writer = os.pipe()
    read = []

    def ready(events: int) -> None:
        read.append((events, os.read(reader, 1)))
        loop.unregister(reader)
        loop.stop()

    loop.register(reader, READ, ready)
    os.write(writer, b"ab")
    loop.run()
    assert read == [(READ, b"a")]
    loop.call_at(loop.now() + 0.01, loop.stop)
    loop.run()
    assert len(read) == 1
    loop.close()
    os.close(reader)
    os.close(writer)


def test_a_worker_does_jobs_in_order_and_hands_on_what_they_raise() -> None:
    loop, results = EpollLoop(), list[object]()
    worker = ThreadWorker("test", loop)

    def fails() -> None:
        raise OSError("no disk")

    def last(result: object) -> None:
        results.append(result)
        loop.stop()

    worker.submit(lambda: 1, results.append)
    worker.submit(fails, results.append)
    worker.submit(lambda: 3, last)
    loop.run()
    worker.finish(10.0)
    loop.close()
    assert results[0] == 1
    assert isinstance(results[1], OSError)
    assert results[2] == 3
