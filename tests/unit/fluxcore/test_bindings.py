# SPDX-License-Identifier: LGPL-3.0-or-later
"""flux-core's `flux` is told from ours, which has the same name."""

import os
from pathlib import Path

import pytest

from fluxcore.bindings import NoFlux, find_flux
from fluxcore.command import FLUX_CORE


def program(directory: Path, text: str) -> Path:
    """An executable script named flux."""
    directory.mkdir()
    file = directory / "flux"
    file.write_text(text)
    file.chmod(0o755)
    return file


def test_ours_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FLUX_CORE, raising=False)
    ours = program(tmp_path / "a", "#!/usr/bin/python3\nfrom cli.main import main\n")
    theirs = program(tmp_path / "b", "#!/bin/sh\n")
    monkeypatch.setenv("PATH", f"{ours.parent}{os.pathsep}{theirs.parent}")
    assert find_flux() == str(theirs)


def test_where_there_is_none_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FLUX_CORE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoFlux, match="no flux-core on PATH"):
        find_flux()


def test_what_is_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FLUX_CORE, str(tmp_path / "flux"))
    with pytest.raises(NoFlux, match="there is no such program"):
        find_flux()
