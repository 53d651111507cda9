# SPDX-License-Identifier: LGPL-3.0-or-later
"""A full disk, for real: a tmpfs that is full at this page and at that (mount(8), tmpfs(5))."""

import subprocess
import sys

import pytest

from tests.support.client_calls import ROOT
from tests.support.patience import PATIENCE

_WAYS = (("unshare", "--mount"), ("unshare", "--mount", "--user", "--map-root-user"))


def a_way() -> tuple[str, ...]:
    """The words before a command that may mount; skips where neither is allowed.

    In a user namespace without root the directories above would belong to nobody, which no broker
    trusts: so whoever is not root passes on neither way.
    """
    probe = "mount -t tmpfs tmpfs /mnt && test $(stat -c %u /) = 0"
    for way in _WAYS:
        try:
            done = subprocess.run([*way, "sh", "-c", probe], capture_output=True, timeout=PATIENCE)
        except FileNotFoundError:
            break
        if done.returncode == 0:
            return way
    pytest.skip("a tmpfs cannot be mounted here")


def test_a_disk_that_is_full_and_has_room_again() -> None:
    command = [*a_way(), sys.executable, "-m", "tests.chaos.power.small_disk"]
    done = subprocess.run(command, cwd=ROOT, text=True, timeout=4 * PATIENCE, capture_output=True)
    assert done.returncode == 0, f"{done.stderr[-6000:]}\n{done.stdout[-3000:]}"
