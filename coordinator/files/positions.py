# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where a configuration value was written: file, line and column.

A refusal that says "queues.batch.requires[1]" sends its reader to search a dozen files; one that
says "20-queues.toml:14:3" does not.  The parsers that give the values forget where they stood, so
the texts are read once more, here, by tree-sitter (https://tree-sitter.github.io), and only when
somebody asks: a configuration that is accepted never pays for it, and importing this module loads
no grammar.

Of each text only the headers of its tables are visited at first; what is inside a table, an array
or an object is visited when a path first leads into it.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import tomli

from coordinator.files.reading import Source
from protocol import limits
from protocol.keys import Path
from protocol.reasons import Origin

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_Format: TypeAlias = Literal["toml", "json"]
_CONTAINERS = {"inline_table": "table", "object": "table", "array": "array"}

_lock = threading.Lock()
_parsers: dict[_Format, "Parser"] = {}


def find_position(sources: Sequence[Source], key: Path) -> Origin | None:
    """Where the value that `key` has after merging `sources` (in their order) was written.

    The line and the column count from 1, the column in characters, and point at the last part of
    the key (of a dotted key too), or at the element where the path ends in an index.  A table that
    several files contribute to is where the last one of them adds something to it.  Where nothing
    is written at `key`, the nearest ancestor that exists is the answer; None where there is none.
    The merge is that of `coordinator.files.parsing.merge`.  Never raises.
    """
    try:
        with _lock:
            return _locate(sources, key)
    except Exception:  # a reason without a place is still a reason; one that is lost is not
        return None


def forget() -> None:
    """Give back the memory that indexed texts take."""
    with _lock:
        _indexes.clear()


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of the character at `offset` (from 0)."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


@dataclass(slots=True)
class _Spot:
    """What one text says at one path.

    `mark` is the key or element that people are pointed to.  `explicit` is false for a table that
    was only passed through (`a` in `[a.b]`): its own header, should one follow, is a better mark.
    `unopened` are the nodes whose members have not been visited.  There may be millions of these,
    most of them scalars, so what is empty is shared or absent.
    """

    mark: "Node | None"
    kind: str
    explicit: bool = True
    unopened: "tuple[Node, ...]" = ()
    elements: "Sequence[Node]" = ()
    members: "dict[str | int, _Spot] | None" = None

    def member(self, step: str | int) -> "_Spot | None":
        """What is written one step below; None where nothing is."""
        self._open()
        known = self._known()
        if step not in known and isinstance(step, int) and 0 <= step < len(self.elements):
            known[step] = _spot_of(self.elements[step], self.elements[step])
        return known.get(step)

    def is_filled(self) -> bool:
        """Returns True if this adds anything to a table that other files have begun."""
        self._open()
        return self.kind != "table" or bool(self.members)

    def add_header(self, table: "Node") -> None:
        """Take in `[a.b]` or `[[a.b]]`; for the root only, in the order of the text."""
        key = table.named_child(0)
        if key is None:
            return
        spot = self
        *parents, last = _parts(key)
        for part in parents:
            spot = spot._through(part)
        known, name = spot._known(), _name(last)
        if table.type == "table":
            header = known.setdefault(name, _Spot(last, "table"))
            if not header.explicit:
                header.mark, header.explicit = last, True
            header.unopened += (table,)
        else:
            tables = known.setdefault(name, _Spot(last, "array"))._known()
            tables[len(tables)] = _Spot(last, "table", unopened=(table,))

    def _known(self) -> "dict[str | int, _Spot]":
        if self.members is None:
            self.members = {}
        return self.members

    def _open(self) -> None:
        unopened, self.unopened = self.unopened, ()
        for node in unopened:
            if node.type == "array":
                self.elements = [child for child in node.named_children if child.type != "comment"]
            else:
                for pair in node.named_children:
                    if pair.type == "pair":
                        self._add_pair(pair)

    def _add_pair(self, pair: "Node") -> None:
        named = [child for child in pair.named_children if child.type != "comment"]
        if len(named) < 2:
            return  # only in a text that no parser accepts
        spot = self
        *parents, last = _parts(named[0])
        for part in parents:
            spot = spot._through(part)
        spot._known()[_name(last)] = _spot_of(last, named[-1])

    def _through(self, part: "Node") -> "_Spot":
        """The table that a dotted key or a header passes on its way; made where there is none."""
        known, name = self._known(), _name(part)
        spot = known.get(name)
        if spot is None:
            spot = known[name] = _Spot(part, "table", explicit=False)
        elif not spot.explicit and spot.mark and part.start_byte < spot.mark.start_byte:
            spot.mark = part
        if spot.kind == "array" and spot.members:
            # a header below an array of tables belongs to the array's last table
            return spot.members[len(spot.members) - 1]
        return spot


class _Indexes:
    """The texts that were looked into lately, so that a hundred reasons cost one reading.

    An index takes some twenty times the memory of its text.  So beside those of the question in
    hand, which is at most one configuration, few are kept, and only small ones.
    """

    def __init__(self) -> None:
        self._roots: OrderedDict[tuple[_Format, bytes], _Spot] = OrderedDict()
        self._bytes = 0

    def of(self, sources: Sequence[Source]) -> list[tuple[Source, _Spot]]:
        """Each of `sources` with its root."""
        found = [(source, self._root(source)) for source in sources]
        while len(self._roots) > len(sources) and self._are_many():
            (_, text), _ = self._roots.popitem(last=False)
            self._bytes -= len(text)
        return found

    def _are_many(self) -> bool:
        many = len(self._roots) > limits.TEXTS_INDEXED
        return many or self._bytes > limits.TEXTS_INDEXED_BYTES

    def _root(self, source: Source) -> _Spot:
        key = (source.format, source.text)
        if key in self._roots:
            self._roots.move_to_end(key)
        else:
            self._roots[key] = _read(source.format, source.text)
            self._bytes += len(source.text)
        return self._roots[key]

    def clear(self) -> None:
        self._roots.clear()
        self._bytes = 0


_indexes = _Indexes()


def _locate(sources: Sequence[Source], key: Path) -> Origin | None:
    state = _indexes.of(sources)
    spots: list[tuple[Source, _Spot]] = []
    for step in key:
        members = [(source, spot.member(step)) for source, spot in state]
        state = _survivors([(source, spot) for source, spot in members if spot])
        if not state:
            break
        spots = state
    if not spots:
        return None
    filled = [(source, spot) for source, spot in spots if spot.is_filled()]
    source, spot = filled[-1] if filled else spots[0]
    return _origin(source, spot)


def _survivors(members: list[tuple[Source, _Spot]]) -> list[tuple[Source, _Spot]]:
    """Those whose value is left after merging: the last, with the tables that it extends."""
    state: list[tuple[Source, _Spot]] = []
    for source, spot in members:
        if state and not spot.kind == state[-1][1].kind == "table":
            state = []
        state.append((source, spot))
    return state


def _origin(source: Source, spot: _Spot) -> Origin | None:
    if spot.mark is None:
        return None
    row, begins = spot.mark.start_point.row, spot.mark.start_byte
    before = source.text[begins - spot.mark.start_point.column : begins]  # columns are in bytes
    return Origin(source.name, row + 1, len(before.decode(errors="replace")) + 1)


def _read(form: _Format, text: bytes) -> _Spot:
    document = _parser(form).parse(text).root_node
    if form == "json":
        objects = [child for child in document.named_children if child.type == "object"]
        return _Spot(None, "table", unopened=tuple(objects[:1]))
    root = _Spot(None, "table", unopened=(document,))
    for child in document.named_children:
        if child.type in {"table", "table_array_element"}:
            root.add_header(child)
    return root


def _parser(form: _Format) -> "Parser":
    if form not in _parsers:
        from tree_sitter import Language, Parser  # late: most processes never locate anything

        if form == "toml":
            from tree_sitter_toml import language
        else:
            from tree_sitter_json import language
        _parsers[form] = Parser(Language(language()))
    return _parsers[form]


def _spot_of(mark: "Node", value: "Node") -> _Spot:
    kind = _CONTAINERS.get(value.type)
    return _Spot(mark, kind, unopened=(value,)) if kind else _Spot(mark, "scalar")


def _parts(key: "Node") -> "Iterator[Node]":
    """The parts of a key; the grammar nests `a.b.c` as (a.b).c."""
    parts = []
    while key.type == "dotted_key" and (left := key.named_child(0)):
        if right := key.named_child(1):
            parts.append(right)
        key = left
    return reversed([*parts, key])


def _name(part: "Node") -> str:
    """The text that a part of a key stands for."""
    written = (part.text or b"").decode()
    if part.type == "bare_key":
        return written
    if written[:1] == "'" or "\\" not in written:
        return written[1:-1]
    if part.type == "quoted_key":
        return next(iter(tomli.loads(f"{written} = 0")))
    return str(json.loads(written))
