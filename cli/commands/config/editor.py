# SPDX-License-Identifier: LGPL-3.0-or-later
"""The text that `flux config edit` puts into an editor, and what becomes of it.

What somebody has typed is not lost: it stays in its file unless the change was made.  What no
broker could read is found before anything is sent, with line and column, and can be mended.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli.client import Trouble, complain

_HEAD = """\
# Generation {generation} is in force.  Save this and leave the editor to propose what it says then.
# Leave it as it is to change nothing.

"""


class EditedText:
    """A text that has been through the editor."""

    def __init__(self, path: Path, generation: int) -> None:
        self.path = path
        self.generation = generation
        """That which was in force when the editor was opened."""
        self.keep = True
        """Whether the file stays."""

    def as_source(self) -> dict[str, str]:
        """As the broker takes it."""
        form = "json" if self.path.suffix == ".json" else "toml"
        text = self.path.read_bytes().decode(errors="surrogateescape")
        return {"name": str(self.path), "format": form, "text": text}


@contextmanager
def edited(running: dict[str, Any], expected: int | None) -> Iterator[EditedText | None]:
    """What is left in the editor of the configuration `running`, the answer to `get`; None if it
    was left as it is.

    Where the text is kept the user is told so at the end.  Raises Trouble.
    """
    generation = int(running["generation"])
    if expected not in (None, generation):
        raise Trouble(f"generation {generation} is in force, not {expected}: someone was faster")
    editor = _editor()
    form, before = _text(running["configuration"], generation)
    text = EditedText(_file(before, form), generation)
    try:
        _until_it_can_be_read(editor, text)
        if not _differs(text, running["configuration"]):
            text.keep = False
            yield None
        else:
            yield text
    except Trouble as trouble:
        raise Trouble("\n".join((str(trouble), *_left(text, before)))) from None
    else:
        for line in _left(text, before):
            complain("config", line)


def _left(text: EditedText, before: str) -> list[str]:
    """Remove the file, or say where it is."""
    if text.keep and text.path.is_file() and text.path.read_bytes() != before.encode():
        return [f"the text is kept in {text.path}"]
    try:
        text.path.unlink(missing_ok=True)
    except OSError as error:  # the editor has put something else in its place
        return [f"{text.path} is no file any more, and stays: {error.strerror}"]
    return []


def _file(text: str, form: str) -> Path:
    """A file that nobody else can read.  Raises Trouble."""
    try:
        handle, name = tempfile.mkstemp(prefix="flux-config-", suffix=f".{form}")
        with open(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise Trouble(f"no file for the editor: {error.strerror}") from None
    return Path(name)


def _editor() -> str:
    """A command, for a shell; as git(1) and others choose it.  Raises Trouble."""
    for name in ("VISUAL", "EDITOR"):
        if os.environ.get(name, "").strip():
            return os.environ[name]
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()):
        raise Trouble("there is no terminal for an editor; set EDITOR to one that needs none")
    return "vi"


def _text(configuration: dict[str, Any], generation: int) -> tuple[str, str]:
    """The format and the text to edit: TOML, and JSON for what Flux's TOML cannot say."""
    from cli.output.toml import as_toml
    from coordinator.files.parsing import merge
    from coordinator.files.reading import Source, Unreadable
    from protocol.configuration import Configuration

    toml = as_toml(configuration)
    try:
        back = merge([Source("", toml.encode(), "toml")])
    except Unreadable:
        back = None
    if back != Configuration.of(configuration):
        return "json", json.dumps(configuration, indent=2, ensure_ascii=False) + "\n"
    return "toml", _HEAD.format(generation=generation) + toml


def _until_it_can_be_read(editor: str, text: EditedText) -> None:
    """Have the text edited, again where it is no configuration and somebody is there to ask."""
    while True:
        _run(editor, text.path)
        if text.path.is_dir():  # which would be read as the files of a configuration
            raise Trouble("the editor has left a directory in place of the file; nothing was sent")
        faults = _faults(text)
        if not faults:
            return
        for fault in faults:
            complain("config", fault.removeprefix("config: "))
        if not _again():
            raise Trouble("nothing was sent")


def _run(editor: str, path: Path) -> None:
    """Raises Trouble where the editor fails: what it has left is not what somebody wanted."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the editor alone
    try:
        done = subprocess.run(
            ["sh", "-c", f'{editor} "$1"', "sh", str(path)],
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            check=False,
        )
    except OSError as error:
        raise Trouble(f"the editor was not started: {error.strerror}") from None
    finally:
        signal.signal(signal.SIGINT, before)
    if done.returncode == 0:
        return
    status = done.returncode
    how = f"was ended by signal {-status}" if status < 0 else f"failed with status {status}"
    raise Trouble(f"the editor ({editor.split()[0]:.60}) {how}; nothing was sent")


def _again() -> bool:
    """Returns True if the user, asked on the terminal, wants to mend the text."""
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print("edit it again? [Y/n] ", end="", file=sys.stderr, flush=True)
    try:
        answer = input()
    except (EOFError, KeyboardInterrupt):
        return False
    return answer.strip().lower() in ("", "y", "yes")


def _faults(text: EditedText) -> list[str]:
    """Why no broker could read the text, with line and column."""
    from cli.commands.config.files import configuration_at

    try:
        configuration_at(str(text.path))
    except Trouble as trouble:
        return str(trouble).splitlines()
    return []


def _differs(text: EditedText, configuration: dict[str, Any]) -> bool:
    from cli.commands.config.files import configuration_at
    from protocol.configuration import Configuration

    return configuration_at(str(text.path)) != Configuration.of(configuration)
