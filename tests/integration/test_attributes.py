# SPDX-License-Identifier: LGPL-3.0-or-later
"""Attributes of a real broker: what it knows about itself, and what is noted for it."""

import subprocess
import sys

from tests.support.patience import PATIENCE

FLUX = f"{sys.executable} -m cli.main"


def within(script: str, *options: str) -> subprocess.CompletedProcess[str]:
    """What a shell script prints inside a broker without modules; `flux` is the command there."""
    command = [*FLUX.split(), "start", "-S", "broker.rc1_path=", *options, "sh", "-ec",
               f"flux() {{ {FLUX} \"$@\"; }}\n{script}"]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_attributes_are_printed_set_and_listed() -> None:
    done = within(
        "flux getattr size; flux getattr mine; flux setattr mine two\n"
        "flux setattr 'my note' 'a b'\n"
        "flux getattr mine; flux getattr 'my note'; flux lsattr -v | grep note",
        "-S", "mine=1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["1", "1", "two", "a b", f"{'my note':<40}a b"]


def test_what_is_so_cannot_be_set() -> None:
    for name in ("rundir", "rank", "broker.pid", "config.path"):
        done = within(f"flux setattr {name} x")
        assert done.returncode == 1
        assert f"flux-setattr: {name}: the broker goes by what it was" in done.stderr


def test_an_unknown_attribute_is_named() -> None:
    done = within("flux getattr nope")
    assert done.returncode == 1
    assert "flux-getattr: nope: no such attribute" in done.stderr


def test_attributes_are_bounded() -> None:
    done = within("flux setattr big $(head -c 5000 /dev/zero | tr '\\0' x)")
    assert done.returncode == 1
    assert "longer than 4096 characters" in done.stderr
    done = within("flux setattr $(head -c 500 /dev/zero | tr '\\0' x) y")
    assert done.returncode == 1
    assert "no name for an attribute" in done.stderr
