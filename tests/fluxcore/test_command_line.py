# SPDX-License-Identifier: LGPL-3.0-or-later
"""docs/flux-compat.md against a real Flux: its options, its exit statuses, its words."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents.test_compat_page import theirs
from tests.support.broker import RunningBroker
from tests.support.patience import PATIENCE
from tests.support.real_flux import real_flux

ONLY_IN_THE_MANUAL = {
    ("module load", "-n"), ("module reload", "-n"), ("start", "--rundir"),
}  # fmt: skip
LINES = (
    "nosuch", "", "config", "config nosuch", "config get --nosuch", "config get a b",
    "config get nosuch", "config get -q nosuch", "config get -d 3 nosuch", "config get -t nosuch",
    "config get --type=string kvs", "config set a", "config set a.b 3", "config set -t nosuch a 3",
    "config unset", "config unset nosuch", "config reload x", "config builtin",
    "config builtin nosuch", "config load /nosuch", "module", "module nosuch", "module load",
    "module load nosuch", "module load /nosuch/x.py", "module load kvs", "module list x",
    "module list", "module remove", "module remove nosuch", "module remove -f nosuch",
    "module unload nosuch", "module reload nosuch", "module reload -f nosuch", "module reload",
    "module stats", "module stats nosuch", "module stats -p nosuch kvs",
    "module stats -p pending_requests kvs", "module stats -Rnope kvs", "module stats -c kvs",
    "module stats -C kvs", "module stats -R -p nswap kvs",
    "module stats --rusage=thread -p nswap kvs", "module stats -s 2.5 -p warn_thresh heartbeat",
    "module stats -p period heartbeat", "module stats -t int -p period heartbeat",
    "module stats -t double -p warn_thresh -s 0.5 heartbeat", "module trace --type=nope",
    "module trace --delta", "getattr", "getattr nosuch", "getattr rank", "getattr size",
    "getattr a b", "setattr rank", "setattr rank 3", "setattr -f rank 3", "lsattr x",
    "dmesg x", "dmesg -d", "dmesg -n", "dmesg -C", "dmesg --nosuch", "version --nosuch",
    "start --nosuch", "broker --nosuch",
)  # fmt: skip
PRINTED = {
    "config get -d 3 nosuch", "getattr rank", "getattr size", "dmesg -n", "dmesg -C",
    "module stats -c kvs", "module stats -C kvs",
    *(line for line in LINES if line.startswith("module stats") and " -p " in line),
}  # fmt: skip
"""What is printed of these is the same, too."""
SCRIPT = """\
i=0
while read -r line; do
    eval "flux $line" >out.$i 2>err.$i
    echo $? >rc.$i
    i=$((i+1))
done"""


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a real instance of one broker says to each line, in numbered files."""
    flux = real_flux()
    assert flux is not None
    place = tmp_path_factory.mktemp("real")
    environment = {name: value for name, value in os.environ.items() if name[:5] != "FLUX_"}
    done = subprocess.run([flux, "start", "-s1", "sh", "-c", SCRIPT], cwd=place, text=True,
                          input="\n".join(LINES) + "\n", env=environment, capture_output=True,
                          timeout=PATIENCE)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    made = RunningBroker("[kvs]\n", modules=True)
    try:
        yield made.start()
    finally:
        made.close()


def test_exit_statuses_and_values_are_those_of_flux(real: Path, broker: RunningBroker) -> None:
    wrong = []
    for number, line in enumerate(LINES):
        ours = broker.flux(*shlex.split(line))
        status = int((real / f"rc.{number}").read_text())
        if ours.returncode != status:
            wrong.append(f"`{line}`: {ours.returncode}, not {status}: {ours.stderr}")
        printed = (real / f"out.{number}").read_text()
        if line in PRINTED and ours.stdout != printed:
            wrong.append(f"`{line}` prints {ours.stdout!r}, not {printed!r}")
    assert wrong == []


def test_the_list_of_options_is_that_of_flux() -> None:
    """Each option that --help of a program tells of is in it, and no other."""
    flux = real_flux()
    assert flux is not None
    environment = {name: value for name, value in os.environ.items() if name[:5] != "FLUX_"}
    listed, found = theirs() - ONLY_IN_THE_MANUAL, set()
    for command in sorted({command for command, _ in listed}):
        if command == "module unload":  # hidden there
            continue
        done = subprocess.run([flux, *command.split(), "--help"], env=environment, text=True,
                              capture_output=True, timeout=PATIENCE)  # fmt: skip
        for line in (done.stdout + done.stderr).splitlines():
            if re.match(r" +-", line):
                names = re.findall(r"(?:^ +|, )(-{1,2}[A-Za-z][a-z-]*)", line.partition("  -h")[0])
                found |= {(command, name) for name in names}
    told = {place for place in listed if place[1]}
    assert told - found == set()
    assert {place for place in found - told if place[1] not in ("-h", "--help")} == set()
