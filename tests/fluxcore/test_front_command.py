# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux` of this distribution beside the real one: the real one does what is its own."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fluxcore.instance import Instance
from tests.support.client_calls import ROOT
from tests.support.patience import PATIENCE
from tests.support.real_flux import NO_MODULES, outside, real_flux


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    with Instance(2).configured({"heartbeat": {"period": "9s"}}) as instance:
        yield instance


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """Ours as pip installs it."""
    file = tmp_path / "flux"
    file.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from cli.main import front\nsys.exit(front())\n"
    )
    file.chmod(0o755)
    return file


def run(ours: Path, *arguments: str, uri: str = "") -> "subprocess.CompletedProcess[str]":
    """Ours first on PATH, the real one after it."""
    real = real_flux()
    assert real is not None
    path = f"{ours.parent}:{Path(real).parent}:/usr/bin:/bin"
    environment = outside(PATH=path, **({"FLUX_URI": uri} if uri else {}))
    return subprocess.run([ours, *arguments], env=environment, text=True, capture_output=True,
                          timeout=PATIENCE)  # fmt: skip


@pytest.mark.parametrize("rank", [0, 1])
def test_at_a_real_broker_it_is_the_real_one(instance: Instance, ours: Path, rank: int) -> None:
    done = run(ours, "config", "get", "heartbeat.period", uri=instance.uri(rank))
    assert (done.returncode, done.stdout) == (0, "9s\n"), done.stderr
    assert run(ours, "getattr", "rank", uri=instance.uri(rank)).stdout == f"{rank}\n"


def test_what_ours_does_not_know_works(ours: Path) -> None:
    done = run(ours, "hostlist", "--expand", "a[1-3]")
    assert (done.returncode, done.stdout) == (0, "a1 a2 a3\n"), done.stderr


def test_ours_inside_of_the_real_one(ours: Path) -> None:
    """`flux` in an instance that the real one started: PATH has Flux's own directory first."""
    real = real_flux()
    assert real is not None
    script = f"{ours} config get --default=none a.b; {ours} config validate /dev/null"
    done = subprocess.run([real, "start", *NO_MODULES, "sh", "-c", script], text=True,
                          env=outside(PATH=f"{ours.parent}:/usr/bin:/bin"), capture_output=True,
                          timeout=PATIENCE)  # fmt: skip
    assert done.returncode == 1, done.stderr  # /dev/null is no file, says ours
    assert "none" in done.stdout
    assert "/dev/null" in done.stderr
