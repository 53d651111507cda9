# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which of two fluxes a command line is meant for."""

import sys
from pathlib import Path

import pytest

from cli import naming
from cli.main import COMMANDS
from cli.real_flux import belongs_to_it, is_real
from fluxcore.command import find


@pytest.fixture
def rundir(tmp_path: Path) -> Path:
    """Of a broker of ours that runs."""
    (tmp_path / "lock").touch()
    (tmp_path / "local").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("uri", "real"),
    [
        ("", False),
        ("local:///tmp/flux-AbCdEf/local-0", True),
        ("local:///tmp/flux-AbCdEf/local-12", True),
        ("ssh://host/tmp/flux-AbCdEf/local-0", True),
        ("local:///nowhere/local", False),
        ("local:///nowhere/local-x", False),
        ("local:///nowhere/other", False),
    ],
)
def test_brokers_by_their_address(uri: str, real: bool) -> None:
    assert is_real(uri) is real


def test_a_broker_of_ours_has_a_lock(rundir: Path) -> None:
    assert not is_real(f"local://{rundir}/local")
    (rundir / "lock").unlink()  # as of a system instance, and of flux-proxy
    assert is_real(f"local://{rundir}/local")


OUTSIDE = ""
REAL = "local:///tmp/flux-AbCdEf/local-0"


@pytest.mark.parametrize(
    ("line", "outside", "inside_real", "inside_ours"),
    [
        ("", False, True, False),
        ("help", False, True, False),
        ("help config", False, True, False),
        ("help jobs", True, True, True),
        ("--version", False, True, False),
        ("jobs -a", True, True, True),
        ("-v run hostname", True, True, True),
        ("start", False, True, False),
        ("broker", False, True, False),
        ("config get heartbeat.period", True, True, False),
        ("config set a 1", True, True, False),
        ("config builtin rc1_path", False, True, False),
        ("config", False, True, False),
        ("config validate conf.d", False, False, False),
        ("config history", False, False, False),
        ("module list", True, True, False),
        ("modinfo heartbeat", False, False, False),
        ("completion bash", False, False, False),
        ("getattr rank", True, True, False),
        ("dmesg", True, True, False),
    ],
)
def test_who_is_meant(
    rundir: Path, line: str, outside: bool, inside_real: bool, inside_ours: bool
) -> None:
    given = line.split()
    assert belongs_to_it(given, COMMANDS, OUTSIDE) is outside
    assert belongs_to_it(given, COMMANDS, REAL) is inside_real
    assert belongs_to_it(given, COMMANDS, f"local://{rundir}/local") is inside_ours


# PATH


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Directories `a`, `b` and `c` on PATH, in this order, and `us`, where ours is."""
    for name in ("us", "a", "b", "c"):
        (tmp_path / name).mkdir()
    script(tmp_path / "us", OURS)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "us" / "flux")])
    monkeypatch.setenv("PATH", ":".join(str(tmp_path / name) for name in "abc"))
    return tmp_path


OURS = "#!/usr/bin/python3\nimport sys\nfrom cli.main import front\nsys.exit(front())\n"
BINARY = "\x7fELF"


def script(directory: Path, text: str) -> str:
    file = directory / "flux"
    file.write_text(text)
    file.chmod(0o755)
    return str(file)


def test_the_first_that_is_not_ours(path: Path) -> None:
    assert find() is None
    (path / "a" / "flux").mkdir()
    (path / "b" / "flux").write_text("not executable")
    real = script(path / "c", BINARY)
    assert find() == real


def test_links_to_ours_are_ours(path: Path) -> None:
    (path / "a" / "flux").symlink_to(path / "us" / "flux")
    (path / "b" / "flux").symlink_to(path / "a" / "flux")
    (path / "c" / "flux").hardlink_to(path / "us" / "flux")
    assert find() is None


def test_called_through_a_link(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (path / "b" / "flux").symlink_to(path / "us" / "flux")
    monkeypatch.setattr(sys, "argv", [str(path / "b" / "flux")])
    real = script(path / "c", "#!/bin/sh\nexec real-flux\n")
    assert find() == real


def test_what_comes_after_goes_first(path: Path) -> None:
    script(path / "a", BINARY)
    (path / "b" / "flux").symlink_to(path / "us" / "flux")
    real = script(path / "c", BINARY)
    assert find() == real


def test_a_binary_before_ours_will_do_and_a_script_will_not(path: Path) -> None:
    """A script there may be somebody's way to call ours, which its text need not tell."""
    script(path / "a", "#!/bin/sh\n. /etc/accord.sh\nexec $ACCORD\n")
    (path / "c" / "flux").symlink_to(path / "us" / "flux")
    assert find() is None
    real = script(path / "b", BINARY)
    assert find() == real


@pytest.mark.parametrize(
    "text", [OURS, '#!/bin/sh\nexec {us} "$@"\n', "#!/bin/sh\npython -m cli.main"]
)
def test_a_script_that_leads_to_ours_is_ours(path: Path, text: str) -> None:
    script(path / "a", text.format(us=path / "us" / "flux"))
    assert find() is None


# What hints say


@pytest.mark.parametrize(
    ("uri", "program", "shown"),
    [
        ("", "flux", "see `flux config status` and `flux start`"),
        ("", "flux-accord", "see `flux accord config status` and `flux start`"),
        (REAL, "flux", "see `flux accord config status` and `flux start`"),
        ("local:///nowhere/local", "flux", "see `flux config status` and `flux start`"),
    ],
)
def test_hints_name_what_is_to_be_typed(
    monkeypatch: pytest.MonkeyPatch, uri: str, program: str, shown: str
) -> None:
    monkeypatch.setenv("FLUX_URI", uri)
    monkeypatch.setattr(sys, "argv", [f"/usr/bin/{program}"])
    assert naming.hints("see `flux config status` and `flux start`") == shown
    assert naming.usage("usage: flux config") == (
        "usage: flux accord config" if "accord" in shown else "usage: flux config"
    )
