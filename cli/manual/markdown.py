# SPDX-License-Identifier: LGPL-3.0-or-later
"""The Markdown of docs/ as roff: headings, paragraphs, lists, tables, and code in fences."""

from collections.abc import Callable, Iterator

from cli.manual import roff


def pages(text: str) -> Iterator[str]:
    """A whole page without its title."""
    blocks = _Blocks(text.splitlines())
    while blocks.left:
        yield from blocks.next()


def section(text: str, title: str) -> str:
    """What stands below this heading, up to the next of its level.  Raises ValueError."""
    lines = text.splitlines()
    start = lines.index(title)
    level = title.partition(" ")[0]
    fenced = False
    for number, line in enumerate(lines[start + 1 :], start + 1):
        fenced ^= line.startswith("```")
        if not fenced and line.startswith(f"{level} "):
            return "\n".join(lines[start + 1 : number])
    return "\n".join(lines[start + 1 :])


def introduction(text: str) -> str:
    """What stands between the title and the first heading below it."""
    return text.partition("\n")[2].partition("\n## ")[0]


class _Blocks:
    """The lines that are left, taken block by block."""

    def __init__(self, lines: list[str]) -> None:
        self.left = lines

    def next(self) -> Iterator[str]:
        """The roff of the next block."""
        first = self.left[0]
        if not first.strip():
            self.left = self.left[1:]
        elif first.startswith("```"):
            yield from roff.literal(self._fenced())
        elif first.startswith("#"):
            marks, _, title = first.partition(" ")
            self.left = self.left[1:]
            if len(marks) > 1:
                yield from roff.heading(title, len(marks) - 1)
        elif first.startswith("|"):
            yield from _table(self._while(lambda line: line.startswith("|")))
        elif first.startswith("- "):
            yield from self._list()
        else:
            yield from roff.paragraph(" ".join(self._while(_is_prose)))

    def _while(self, belongs: Callable[[str], bool]) -> list[str]:
        taken = [self.left[0]]
        for line in self.left[1:]:
            if not belongs(line):
                break
            taken.append(line)
        self.left = self.left[len(taken) :]
        return taken

    def _fenced(self) -> list[str]:
        end = next(n for n, line in enumerate(self.left[1:], 1) if line.startswith("```"))
        taken, self.left = self.left[1:end], self.left[end + 1 :]
        return taken

    def _list(self) -> Iterator[str]:
        items: list[list[str]] = []
        for line in self._while(lambda line: line.startswith(("- ", "  "))):
            if line.startswith("- "):
                items.append([line[2:]])
            else:
                items[-1].append(line)
        for lines in items:
            yield from roff.item(" ".join(lines))


def _is_prose(line: str) -> bool:
    return bool(line.strip()) and not line.startswith(("```", "#", "|", "- "))


def _table(lines: list[str]) -> Iterator[str]:
    """The first column as the name of each row; the others after the heads of their columns."""
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    for name, *cells in rows:
        texts = [
            f"{title}: {cell}" if title and len(cells) > 1 else cell
            for title, cell in zip(head[1:], cells, strict=True)
            if cell
        ]
        yield from roff.tagged(roff.inline(name), "; ".join(texts))
