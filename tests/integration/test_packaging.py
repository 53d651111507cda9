# SPDX-License-Identifier: LGPL-3.0-or-later
"""An sdist and a wheel are built, and both are installed and run, with the extras of README.

pip finds what it needs as it does everywhere on this machine.  Where it finds neither an index nor
the build backend this is skipped, and says so.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from cli import VERSION
from tests.support.patience import PATIENCE

ROOT = Path(__file__).parents[2]
BACKEND = "setuptools>=77"
BUILD = "import sys, setuptools.build_meta as backend; getattr(backend, sys.argv[1])(sys.argv[2])"
LEFT_OUT = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "data", "bench")
PIP_SECONDS = 3 * PATIENCE


class Place:
    """A clean virtual environment, without anything of this one."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(directory)], check=True)
        self.python = directory / "bin" / "python"

    def pip(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run pip on it."""
        command = [*_pip(), "--python", str(self.python), *arguments]
        return subprocess.run(command, env=_clean(), text=True, capture_output=True,
                              timeout=PIP_SECONDS)  # fmt: skip

    def install(self, *arguments: str) -> None:
        """Install what must be there to be had."""
        done = self.pip("install", "--quiet", "--no-compile", *arguments)
        assert done.returncode == 0, done.stderr

    def run(self, *command: str) -> str:
        """What a command of it prints, which must succeed."""
        done = subprocess.run([str(self.directory / "bin" / command[0]), *command[1:]],
                              env=_clean(), cwd=self.directory, text=True, capture_output=True,
                              timeout=PATIENCE)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


def _clean() -> dict[str, str]:
    """The environment without what would lead to this tree."""
    return {name: value for name, value in os.environ.items()
            if name not in ("PYTHONPATH", "VIRTUAL_ENV") and name[:5] != "FLUX_"}  # fmt: skip


def _pip() -> list[str]:
    """A pip that can install elsewhere: that of this Python, or the system's."""
    base = Path(sysconfig.get_config_var("prefix") or sys.base_prefix, "bin", "python3")
    for python in (sys.executable, str(base), "python3"):
        try:
            done = subprocess.run([python, "-m", "pip", "--version"], capture_output=True)
        except OSError:
            continue
        if done.returncode == 0:
            return [python, "-m", "pip"]
    pytest.skip("no pip")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist of this tree, and the wheel that was built from that sdist."""
    place = Place(tmp_path_factory.mktemp("build") / "venv")
    found = place.pip("install", "--quiet", "--no-compile", BACKEND)
    if found.returncode != 0:
        pytest.skip(f"no {BACKEND}, and no index to have it from: {found.stderr.strip()[-200:]}")
    tree, out = place.directory.parent / "tree", place.directory.parent / "dist"
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
    out.mkdir()
    _build(place, "build_sdist", tree, out)
    (sdist,) = out.glob("*.tar.gz")
    shutil.unpack_archive(sdist, out.parent)
    _build(place, "build_wheel", out.parent / sdist.name.removesuffix(".tar.gz"), out)
    return out


def _build(place: Place, what: str, tree: Path, out: Path) -> None:
    """Have the build backend make what it makes of a tree (PEP 517)."""
    subprocess.run([str(place.python), "-c", BUILD, what, str(out)], cwd=tree, env=_clean(),
                   check=True, capture_output=True, timeout=PIP_SECONDS)  # fmt: skip


def extras_of_readme() -> set[str]:
    """The extras that README names."""
    given = re.findall(r"'?(?:\.|flux-accord)\[([a-z, ]+)\]'?", (ROOT / "README.md").read_text())
    return {name.strip() for names in given for name in names.split(",")}


def test_the_wheel_has_everything(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        told = message_from_bytes(archive.read(metadata))
    for folder in ("protocol", "ownership", "fluxcore", "coordinator", "participant", "cli"):
        ours = {file.relative_to(ROOT).as_posix() for file in (ROOT / folder).rglob("*.py")}
        assert ours <= names, ours - names
        assert f"{folder}/py.typed" in names
    assert not any(name.startswith("tests/") for name in names)
    assert told["Version"] == VERSION
    assert {"flux"} <= extras_of_readme() <= set(told.get_all("Provides-Extra", []))


def test_a_wheel_is_installed_with_its_extras(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    place = Place(tmp_path / "venv")
    index = place.pip("install", "--quiet", "--no-deps", "tomli-w")
    if index.returncode != 0:
        pytest.skip(f"no index to have dependencies from: {index.stderr.strip()[-200:]}")
    place.install(f"{wheel}[{','.join(sorted(extras_of_readme()))}]")
    assert VERSION in place.run("flux", "version")
    assert VERSION in place.run("flux-accord", "version")
    flux = str(place.directory / "bin" / "flux")
    printed = place.run("flux", "start", "-S", "broker.rc1_path=", flux, "config", "get")
    assert printed == "{}\n"
    place.run("flux", "config", "validate", str(ROOT / "examples" / "system-conf.d"))
    place.run("python", "-c", "import cffi, yaml, ply")
    for page in (ROOT / "man").iterdir():
        section = f"man{page.suffix[1:]}"
        assert (place.directory / "share" / "man" / section / page.name).is_file()


def test_an_sdist_is_installed(built: Path) -> None:
    """With the dependencies that are here: they are the same, and were installed once already."""
    (sdist,) = built.glob("*.tar.gz")
    venv = built.parent / "venv"
    library = venv / "lib/python{}.{}/site-packages".format(*sys.version_info)
    (library / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    place = Place(venv)
    place.install("--no-deps", "--no-build-isolation", "--no-index", str(sdist))
    assert VERSION in place.run("flux", "version")
    where = place.run("python", "-c", "import cli; print(cli.__file__)")
    assert where.startswith(str(library))
