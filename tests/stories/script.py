# SPDX-License-Identifier: LGPL-3.0-or-later
"""Stories: text scripts in which the protocol can be read, and whose answers are checked.

A story is a file of blocks.  A block is a command, a line of dashes, and what the machine answers
(the golden answer).  `REWRITE_STORIES=1 pytest tests/stories` writes the answers anew, to be
read in the diff.
"""

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

DASHES = "----"


@dataclass(frozen=True)
class Block:
    """Comment lines, a command, and the answer the story expects."""

    comment: str
    command: str
    answer: str


def read(path: Path) -> list[Block]:
    """The blocks of a story."""
    blocks = []
    for chunk in path.read_text().strip().split("\n\n"):
        lines = chunk.splitlines()
        comment = [line for line in lines if line.startswith("#")]
        rest = lines[len(comment) :]
        if not rest:
            blocks.append(Block("\n".join(comment), "", ""))
            continue
        assert rest[1:2] == [DASHES], f"{path}: no dashes under {rest[0]!r}"
        blocks.append(Block("\n".join(comment), rest[0], "\n".join(rest[2:])))
    return blocks


def perform(path: Path, tell: Callable[[list[str]], str]) -> None:
    """Have `tell` answer every command of the story, and compare (or, if asked, rewrite)."""
    blocks, told = read(path), []
    for block in blocks:
        answer = tell(words(block.command)) if block.command else ""
        told.append(Block(block.comment, block.command, answer))
    if os.environ.get("REWRITE_STORIES"):
        path.write_text("\n\n".join(_shown(block) for block in told) + "\n")
        return
    for expected, found in zip(blocks, told, strict=True):
        assert found.answer == expected.answer, f"{path.name}: {expected.command}"


def words(command: str) -> list[str]:
    """The words of a command; quotes hold words together, JSON is written without blanks."""
    lexer = shlex.shlex(command, posix=False, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.quotes = "'"
    return [word.strip("'") for word in lexer]


def _shown(block: Block) -> str:
    parts = [block.comment, block.command, DASHES if block.command else "", block.answer]
    return "\n".join(part for part in parts if part)
