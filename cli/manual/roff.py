# SPDX-License-Identifier: LGPL-3.0-or-later
"""Text as man(7) wants it, without a warning of groff's at any level."""

import re
from collections.abc import Iterable, Iterator

_LINK = re.compile(r"\[([^\]]*)\]\([^)\s]*\)")
_MARKED = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*")
_SPECIAL = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}


def escaped(text: str) -> str:
    r"""`text` as it is to be read, in ASCII.

    >>> escaped("--a…")
    '\\-\\-a\\[u2026]'
    """
    return "".join(
        _SPECIAL.get(letter, letter if letter.isascii() else f"\\[u{ord(letter):04X}]")
        for letter in text
    )


def bold(text: str) -> str:
    """What is to be typed as it is."""
    return f"\\fB{escaped(text)}\\fR"


def italic(text: str) -> str:
    """What stands for something else."""
    return f"\\fI{escaped(text)}\\fR"


def inline(text: str) -> str:
    """A paragraph of Markdown: code is bold, emphasis italic, of links the text is left."""
    shown, end = [], 0
    plain = _LINK.sub(r"\1", text)
    for found in _MARKED.finditer(plain):
        shown.append(escaped(plain[end : found.start()]))
        code, strong, emphasis = found.groups()
        shown.append(italic(emphasis) if emphasis else bold(code or strong))
        end = found.end()
    return "".join((*shown, escaped(plain[end:])))


def line(text: str) -> str:
    """A line that is no request, whatever it begins with."""
    return f"\\&{text}" if text[:1] in (".", "'") else text


def heading(text: str, level: int = 1) -> Iterator[str]:
    """A section, or one below a section."""
    yield f".SH {escaped(text.upper())}" if level == 1 else f".SS {escaped(text)}"


def paragraph(text: str) -> Iterator[str]:
    """Words that are filled into lines; `text` is Markdown."""
    yield ".PP"
    yield line(inline(" ".join(text.split())))


def literal(lines: Iterable[str]) -> Iterator[str]:
    """Lines that are left as they are."""
    yield from (".PP", ".nf", ".RS 4")
    for text in lines:
        yield line(escaped(text)) or "\\&"
    yield from (".RE", ".fi")


def tagged(tag: str, text: str) -> Iterator[str]:
    """A name, already in roff, and what it means, in Markdown."""
    yield ".TP"
    yield line(tag)
    yield line(inline(" ".join(text.split()))) if text.strip() else "\\&"


def item(text: str) -> Iterator[str]:
    """One of a list."""
    yield ".IP \\(bu 2"
    yield line(inline(" ".join(text.split())))
