# SPDX-License-Identifier: LGPL-3.0-or-later
"""Processes of another user, for tests that run as root: the kernel says who is there."""

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

_BECOME = f"import os; os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
_IMPORT_CLIENT = "import cli.client\n"
_COMMANDS = (  # everything is imported before: this user may not be able to read the files
    "import sys, cli.main, cli.commands.config.main, cli.commands.config.files, cli.commands.dmesg,"
    "cli.commands.attributes, cli.output.timeline_page, cli.output.whole_file,"
    "cli.commands.module.main, coordinator.files.reading,"
    "cli.commands.broker, coordinator.compose, coordinator.runtime.log_printer, urllib.parse,"
    "participant.modules\n"
    'cli.commands.config.main.parser("config")\n'
    + _BECOME
    + "sys.exit(cli.main.main(sys.argv[1:]))"
)


def flux(
    environment: Mapping[str, str], *arguments: str, seconds: float = 60.0
) -> "subprocess.CompletedProcess[str]":
    """Run `flux ARGUMENTS` as another user."""
    return subprocess.run([sys.executable, "-c", _COMMANDS, *arguments], env=environment,
                          capture_output=True, text=True, timeout=seconds,
                          stdin=subprocess.DEVNULL)  # fmt: skip


def flux_in_background(
    environment: Mapping[str, str], *arguments: str
) -> "subprocess.Popen[bytes]":
    """Start `flux ARGUMENTS` as another user."""
    return subprocess.Popen([sys.executable, "-c", _COMMANDS, *arguments], env=environment,
                            stdin=subprocess.DEVNULL)  # fmt: skip


def python(
    environment: Mapping[str, str], program: str, *arguments: str
) -> "subprocess.Popen[bytes]":
    """Start a Python program as another user."""
    return subprocess.Popen([sys.executable, "-c", _IMPORT_CLIENT + _BECOME + program, *arguments],
                            env=environment, stdin=subprocess.DEVNULL)  # fmt: skip
