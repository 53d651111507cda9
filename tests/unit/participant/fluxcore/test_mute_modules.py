# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who has no config-prepare is not asked again, unless other code may be behind the name."""

import os
from pathlib import Path

from participant.fluxcore.mute_modules import MuteModules


def test_what_is_learnt_holds_while_the_code_is_the_same(tmp_path: Path) -> None:
    path = str(tmp_path / "heartbeat.so")
    Path(path).write_text("code")
    loaded = {"heartbeat": path, "overlay": "builtin", "mine": path}
    mute = MuteModules()
    mute.learn(loaded, ["heartbeat", "overlay", "not-loaded"])
    mute.look(loaded)
    assert set(mute.names) == {"heartbeat", "overlay"}


def test_another_path_or_none_is_asked_anew(tmp_path: Path) -> None:
    path = str(tmp_path / "heartbeat.so")
    Path(path).write_text("code")
    mute = MuteModules()
    mute.learn({"heartbeat": path, "overlay": "builtin"}, ["heartbeat", "overlay"])
    mute.look({"heartbeat": str(tmp_path / "other.py")})
    assert set(mute.names) == set()
    mute.learn({"heartbeat": path}, ["heartbeat"])
    assert set(mute.names) == {"heartbeat"}


def test_one_whose_file_was_replaced_is_asked_for_ever(tmp_path: Path) -> None:
    """When it is loaded anew nobody tells, and then it may have learnt to answer."""
    path = tmp_path / "heartbeat.py"
    path.write_text("code")
    loaded = {"heartbeat": str(path)}
    mute = MuteModules()
    mute.learn(loaded, ["heartbeat"])
    (tmp_path / "new").write_text("other code")
    os.replace(tmp_path / "new", path)
    mute.look(loaded)
    assert set(mute.names) == set()
    mute.learn(loaded, ["heartbeat"])
    assert set(mute.names) == set()


def test_one_whose_file_is_gone_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat.py"
    loaded = {"heartbeat": str(path)}
    mute = MuteModules()
    mute.learn(loaded, ["heartbeat"])
    assert set(mute.names) == set()
    path.write_text("code")
    mute.learn(loaded, ["heartbeat"])
    path.unlink()
    mute.look(loaded)
    assert set(mute.names) == set()
