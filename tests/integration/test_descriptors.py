# SPDX-License-Identifier: LGPL-3.0-or-later
"""The limits on file descriptors of a broker, its modules and its program."""

import re
import resource
import shlex
import subprocess
import sys

from tests.support.patience import PATIENCE

SOFT = 500


def test_a_broker_takes_many_and_gives_its_children_what_it_had() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    flux = f"{sys.executable} -m cli.main"
    script = (
        f'flux() {{ {flux} "$@"; }}; ulimit -Sn; flux module load heartbeat >/dev/null;'
        "grep 'open files' /proc/$(flux getattr broker.pid)/limits;"
        "grep 'open files' /proc/$(flux module list | awk '/heartbeat/ {print $7}')/limits"
    )
    inside = f"exec {flux} start -S broker.rc1_path= sh -ec {shlex.quote(script)}"
    done = subprocess.run(["sh", "-ec", f"ulimit -Sn {SOFT}; {inside}"], capture_output=True,
                          text=True, timeout=PATIENCE, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    program, broker, module = done.stdout.splitlines()
    assert program == str(SOFT)
    assert int(re.findall(r"[0-9]+", module)[0]) == SOFT
    assert int(re.findall(r"[0-9]+", broker)[0]) > SOFT or hard == SOFT
