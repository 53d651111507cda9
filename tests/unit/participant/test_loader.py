# SPDX-License-Identifier: LGPL-3.0-or-later
"""A file that is no module is refused with a sentence that names it."""

from pathlib import Path

import pytest

from participant.loader import Unloadable, load


@pytest.mark.parametrize("text", [b"x\0", b"def f(:\n", b"\xff"])
def test_what_python_cannot_read_is_named(tmp_path: Path, text: bytes) -> None:
    """Python 3.11 names neither file nor line where the text holds a NUL."""
    file = tmp_path / "pump.py"
    file.write_bytes(text)
    with pytest.raises(Unloadable) as fault:
        load(str(file))
    assert str(fault.value).startswith(str(file))
    assert "None" not in str(fault.value)
