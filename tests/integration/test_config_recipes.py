# SPDX-License-Identifier: LGPL-3.0-or-later
"""The recipes of docs/config.md, as they stand there: with a real Ansible, git, and broker."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.broker import RunningBroker
from tests.support.client_calls import FLUX, ROOT

CONF = "/etc/flux/system/conf.d"
GOOD, BAD = '[heartbeat]\nperiod = "3s"\n', '[heartbeat]\nperiod = "0s"\n'


@pytest.fixture
def path(tmp_path: Path) -> str:
    """PATH, with `flux` on it."""
    directory = tmp_path / "bin"
    directory.mkdir()
    command = directory / "flux"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {" ".join(FLUX)} "$@"\n')
    command.chmod(0o755)
    return f"{directory}:{os.environ['PATH']}"


@pytest.mark.skipif(shutil.which("ansible-playbook") is None, reason="there is no Ansible")
def test_ansible_puts_nothing_in_place_that_is_refused(tmp_path: Path, path: str) -> None:
    page = (ROOT / "docs" / "config.md").read_text()
    (recipe,) = re.findall(r"^### With Ansible$.*?^```yaml\n(.*?)^```$", page, re.M | re.S)
    conf, book, template = (tmp_path / name for name in ("conf.d", "book.yml", "queues.toml.j2"))
    conf.mkdir()
    (conf / "base.toml").write_text('[heartbeat]\ntimeout = "1m"\n')
    play = recipe.partition("      notify:")[0]  # there is no broker to reload
    book.write_text(play.replace(CONF, str(conf)).replace("hosts: all", "hosts: localhost"))
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    environment = {**os.environ, "PATH": path, "FLUX_URI": "", "HOME": str(tmp_path),
                   "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local"),
                   "ANSIBLE_REMOTE_TEMP": str(tmp_path / "remote"),
                   "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1",
                   "ANSIBLE_GATHERING": "explicit", "LC_ALL": "C.UTF-8"}  # fmt: skip

    def play_it(text: str) -> subprocess.CompletedProcess[str]:
        template.write_text(text)
        python = f"ansible_python_interpreter={sys.executable}"
        words = ["-i", "localhost,", "-c", "local", "-e", python]
        return subprocess.run(["ansible-playbook", *words, str(book)],
                              env=environment, capture_output=True, text=True)  # fmt: skip

    done = play_it('[heartbeat]\nperiod = "{{ 1 + 1 }}s"\n')
    assert done.returncode == 0, done.stdout + done.stderr
    assert (conf / "queues.toml").read_text() == '[heartbeat]\nperiod = "2s"\n'
    refused = play_it('[heartbeat]\nperiod = "{{ 20 + 20 }}s"\n')
    assert refused.returncode != 0
    assert "must be at least twice the period" in refused.stdout + refused.stderr
    assert (conf / "queues.toml").read_text() == '[heartbeat]\nperiod = "2s"\n'


def test_the_hook_judges_what_is_staged(tmp_path: Path, path: str) -> None:
    repository = tmp_path / "repository"
    conf = repository / "conf.d"
    conf.mkdir(parents=True)
    environment = {**os.environ, "PATH": path, "FLUX_URI": "", "HOME": str(tmp_path),
                   "GIT_CONFIG_NOSYSTEM": "1"}  # fmt: skip

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        return subprocess.run(["git", *identity, *arguments], cwd=repository, env=environment,
                              capture_output=True, text=True)  # fmt: skip

    assert git("init", "-q").returncode == 0
    shutil.copy(ROOT / "examples" / "hooks" / "pre-commit", repository / ".git" / "hooks")
    (conf / "a.toml").write_text(GOOD)
    git("add", ".")
    (conf / "a.toml").write_text(BAD)
    done = git("commit", "-q", "-m", "staged is good")
    assert done.returncode == 0, done.stderr
    git("add", ".")
    (conf / "a.toml").write_text(GOOD)
    refused = git("commit", "-q", "-m", "staged is bad")
    assert refused.returncode != 0
    assert "conf.d/a.toml:2:1: error: heartbeat: heartbeat.period: " in (
        refused.stdout + refused.stderr
    )
    assert len(git("log", "--oneline").stdout.splitlines()) == 1


def test_a_dump_of_a_real_broker_brings_its_modules(tmp_path: Path) -> None:
    broker = RunningBroker(GOOD)
    shutil.copy(ROOT / "examples" / "modules" / "cooling.py", broker.root / "cooling.py")
    broker.environment["FLUX_COOLING_INTERVAL"] = "500ms"
    broker.start()
    try:
        for words in (["heartbeat", "timeout=7s"], [str(broker.root / "cooling.py")]):
            done = broker.flux("module", "load", *words)
            assert done.returncode == 0, done.stderr
        for form in ("--json", "--toml"):
            saved = tmp_path / f"dump{form}"
            saved.write_text(broker.good("dump", form))
            new = tmp_path / "new.toml"
            new.write_text('[heartbeat]\nperiod = "2s"\n[cooling]\ntarget = 20\n')
            validate = ["validate", "--dump", str(saved), str(new)]
            done = broker.config(*validate)
            assert done.returncode == 0, done.stderr
            assert "2 modules" in done.stdout
            new.write_text('[heartbeat]\nperiod = "4s"\n[cooling]\ntarget = 10\n')
            done = broker.config(*validate)
            assert "must be at least twice the period" in done.stderr
            assert "so cold so often" in done.stderr
    finally:
        broker.close()
