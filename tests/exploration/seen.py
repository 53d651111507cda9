# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a search has seen: all states, how it came to each, and the ways on that come by themselves.

A state is known by its place, the first one being 0.  Nothing here is an object of a machine: it is
rows of numbers, 24 bytes for a state and 8 for a way, so that it can be kept in a file.
"""

from array import array
from collections.abc import Iterator

from tests.exploration.state import Numbers

NUMBER = "I"
"""The type of all numbers (array(3)): four bytes."""
WIDTH = 6
"""Numbers in a state."""
LOOK = 2**32 - 1
"""Stands in `new_moves` for no move at all: to look at what may happen made a part that was new."""


class Seen:
    """States in the order in which they were found."""

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}
        self._states: list[bytes] = []
        self.parents = array(NUMBER)
        """The place from which each was found first."""
        self.moves = array(NUMBER)
        """By which of the moves that were possible there."""
        self.ends = bytearray()
        """Whether it is a right end."""
        self.sources = array(NUMBER)
        """With `targets`: each way from a state to one that follows without anybody's help."""
        self.targets = array(NUMBER)
        self.new_places = array(NUMBER)
        """With `new_moves`: the moves that made a part of the world that had no number yet."""
        self.new_moves = array(NUMBER)

    def __len__(self) -> int:
        return len(self._states)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._states)

    def numbers(self, place: int) -> Numbers:
        """The state itself."""
        return tuple(array(NUMBER, self._states[place]))

    def place(self, numbers: Numbers) -> int | None:
        """Where this state is; None for one that was not met."""
        return self._places.get(array(NUMBER, numbers).tobytes())

    def add(self, numbers: Numbers, parent: int, move: int) -> int:
        """The place of a state that is new; whether it is an end is to be said next."""
        state = array(NUMBER, numbers).tobytes()
        place = self._places[state] = len(self._states)
        self._states.append(state)
        self.parents.append(parent)
        self.moves.append(move)
        return place

    def fill(self, states: bytes, parents: "array[int]", moves: "array[int]") -> None:
        """All states of a former run, one after the other."""
        size = array(NUMBER).itemsize * WIDTH
        self._states = [states[at : at + size] for at in range(0, len(states), size)]
        self._places = {state: place for place, state in enumerate(self._states)}
        self.parents, self.moves = parents, moves
