# SPDX-License-Identifier: LGPL-3.0-or-later
"""What an author's verb may return, and mean something else by it than a caller can hear.

A coroutine has not run.  Neither has a generator.  A Reject that is returned has not been raised,
and one that was only made is not even that.
Each of them would count as a yes, and the gate would stand open with nobody at it.
"""

import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable
from contextvars import ContextVar
from typing import TypeAlias

Made: TypeAlias = dict[int, BaseException]
"""Objections by their id; that they are in it keeps them, and so the id, alive."""

listening: ContextVar[Made | None] = ContextVar("listening", default=None)
"""Where the objections go that are made in this thread; None where nobody asks about them."""


def has_not_run(returned: object) -> str:
    """What this is, where it is the promise of a computation rather than its result; or empty."""
    if returned is None:  # what nearly all return; the abstract classes below cost more to ask
        return ""
    if isinstance(returned, Coroutine):
        returned.close()  # or Python complains, on stderr, that nobody awaited it
        return "a coroutine"
    if isinstance(returned, Generator):
        return "a generator"
    if isinstance(returned, AsyncGenerator):
        return "an asynchronous generator"
    return "an awaitable" if inspect.isawaitable(returned) else ""


def run_verb(verb: str, function: Callable[..., object], *arguments: object) -> object:
    """What `function` returns; TypeError where that shows that its body has not run."""
    returned = function(*arguments)
    if returned is not None and (kind := has_not_run(returned)):
        raise TypeError(f"{verb} returned {kind}, which nobody runs: it must be a plain function")
    return returned


def not_an_answer(returned: object) -> str:
    """Why this is no yes of `prepare`, in words that go after "prepare returned"; or empty."""
    if kind := has_not_run(returned):
        return f"{kind}, which nobody runs: it must be a plain function; nothing was checked"
    if returned is False:
        return "False; to refuse, raise Reject; to accept, return what commit needs, or nothing"
    if returned is NotImplemented:
        return "NotImplemented; to refuse, raise Reject"
    for member in returned if isinstance(returned, list | tuple) else (returned,):
        if isinstance(member, BaseException):
            return f"{type(member).__name__} in place of raising it: {member}"
        if isinstance(member, type) and issubclass(member, BaseException):
            return f"{member.__name__} in place of raising it"
    return ""


def made(objection: BaseException, of: Iterable[BaseException] = ()) -> None:
    """Note that an author's code has made this one, which speaks for all those that it is `of`."""
    for part in of:
        heard(part)
    collected = listening.get()
    if collected is not None:
        collected[id(objection)] = objection


def heard(objection: BaseException) -> None:
    """This one has been said in another way."""
    collected = listening.get()
    if collected is not None:
        collected.pop(id(objection), None)


def never_raised(collected: Made) -> str:
    """What is wrong where one was made and not raised, not even to be caught again; or empty."""
    for objection in collected.values():
        if objection.__traceback__ is None:
            return f"prepare made a {type(objection).__name__} and did not raise it: {objection}"
    return ""
