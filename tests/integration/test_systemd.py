# SPDX-License-Identifier: LGPL-3.0-or-later
"""The unit for systemd, judged by systemd itself, where it is installed.

A user manager is run in namespaces of its own where that is possible (root, unshare(1)): the broker
then runs under a real systemd, with the hardening of the unit, as far as that manager can apply it.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.client_calls import FLUX, ROOT
from tests.support.patience import PATIENCE

NOTIFY_RELOAD = 253
"""The version of systemd from which on there is Type=notify-reload."""
MANAGER = Path("/lib/systemd/systemd")


def unit() -> str:
    """What `flux broker --systemd-unit` prints."""
    done = subprocess.run([*FLUX, "broker", "--systemd-unit"], capture_output=True, text=True,
                          timeout=PATIENCE, check=True)  # fmt: skip
    return done.stdout


def version() -> int:
    """That of systemd here; 0 where there is none."""
    if shutil.which("systemd-analyze") is None:
        return 0
    done = subprocess.run(["systemd-analyze", "--version"], capture_output=True, text=True,
                          timeout=PATIENCE, check=False)  # fmt: skip
    found = re.match(r"systemd (\d+)", done.stdout)
    return int(found[1]) if found else 0


def for_this_version(text: str) -> str:
    """The unit as its own comment says it for an older systemd."""
    if version() >= NOTIFY_RELOAD:
        return text
    return re.sub(r"(?m)^ReloadSignal=.*\n", "", text.replace("Type=notify-reload", "Type=notify"))


def settings(text: str) -> dict[str, str]:
    lines = [line for line in text.replace("\\\n", "").splitlines() if not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_the_unit_says_what_it_is_to_say() -> None:
    text = unit()
    told = settings(text)
    assert told["Type"] == "notify-reload"
    assert told["NotifyAccess"] == "main"
    program = told["ExecStart"].split()[0]
    assert Path(program).name == "flux"
    assert told["ExecReload"].startswith(f"{program} config reload")
    assert told["Restart"] == "on-failure"
    assert "WatchdogSec" in told
    assert "@FLUX@" not in text
    assert "%" not in text.replace("%%", "")


@pytest.mark.skipif(not version(), reason="systemd is not installed")
def test_systemd_verifies_the_unit(tmp_path: Path) -> None:
    """With Type=notify where systemd is older than Type=notify-reload (253)."""
    path = tmp_path / "flux-accord.service"
    path.write_text(for_this_version(unit()))
    done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True,
                          timeout=PATIENCE, check=False)  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


SCRIPT = """\
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system /run/user/0 || exit 77
export XDG_RUNTIME_DIR=/run/user/0 HOME=$1
{manager} --user --unit=t.target --log-target=console --log-level=err >$1/manager.log 2>&1 &
for i in $(seq 200); do
    systemctl --user is-system-running 2>/dev/null | grep -q . && break
    sleep 0.05
done
systemctl --user is-active -q t.target || exit 77
{script}
status=$?
kill %1
wait
rmdir /sys/fs/cgroup/{,systemd/,unified/}{app.slice,init.scope} 2>/dev/null
exit $status
"""

# Which settings the manager of this machine can apply at all
TRY = """\
while read -r setting; do
    printf '[Service]\\nType=oneshot\\nExecStart=/bin/true\\n%s\\n' "$setting" > $units/x.service
    systemctl --user daemon-reload
    systemctl --user start x >/dev/null 2>&1 || echo "CANNOT ${setting%%=*}"
done < $1/settings
"""

RUN = """\
flux() { FLUX_URI=local:///run/user/0/flux/local {flux} "$@"; }
show() {
    systemctl --user show fa -p ActiveState -p Result -p StatusText -p NRestarts | paste -sd' '
}
set -x
systemctl --user start fa || { systemctl --user status fa; cat $1/manager.log; exit 1; }
show
flux module list | sed 1d | wc -l
echo 'x = 1' > $1/conf/b.toml
systemctl --user reload fa && show
printf '[heartbeat]\\nperiod = "0s"\\n' > $1/conf/c.toml
systemctl --user reload fa || echo 'RELOAD FAILED'
show
flux config get x
flux module load {root}/examples/modules/cooling.py && flux module list | grep -c cooling
rm $1/conf/c.toml
kill -HUP $(systemctl --user show fa -p MainPID --value)
for i in $(seq 400); do show | grep -q refused || break; sleep 0.05; done
show
kill -STOP $(systemctl --user show fa -p MainPID --value)
for i in $(seq 1200); do show | grep -q 'NRestarts=0' || break; sleep 0.05; done
for i in $(seq 1200); do show | grep -q 'ActiveState=active' && break; sleep 0.05; done
show
flux config get x
systemctl --user stop fa
show
"""


def in_a_manager(home: Path, script: str) -> "subprocess.CompletedProcess[str]":
    """Run a script beside a user manager of systemd, in namespaces of their own."""
    text = SCRIPT.replace("{manager}", str(MANAGER)).replace("{script}", script)
    file = home / "script"
    file.write_text(f"units=$1/.config/systemd/user\n{text}")
    command = ["unshare", "--mount", "--cgroup", "--pid", "--fork", "--kill-child", "--mount-proc",
               "bash", str(file), str(home)]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("FLUX_URI", None)
    return subprocess.run(command, env=environment, capture_output=True, text=True,
                          timeout=2 * PATIENCE, check=False)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The manager's home, with a target that needs nothing."""
    if not version() or not MANAGER.exists() or os.geteuid() != 0:
        pytest.skip("no systemd, or not root")
    units = tmp_path / ".config" / "systemd" / "user"
    units.mkdir(parents=True)
    (units / "t.target").write_text("[Unit]\nDescription=nothing\nDefaultDependencies=no\n")
    (tmp_path / "conf").mkdir()
    (tmp_path / "state").mkdir(mode=0o700)
    return tmp_path


def hardening(text: str) -> list[str]:
    """The lines after the comment that begins it."""
    return [line for line in text.partition("\nNoNewPrivileges=")[2].splitlines()[1:]
            if "=" in line and not line.startswith(("#", "WantedBy"))]  # fmt: skip


def test_a_real_systemd_runs_it(home: Path) -> None:
    text = for_this_version(unit())
    lines = hardening(text)
    assert len(lines) > 12
    (home / "settings").write_text("\n".join(lines) + "\n")
    tried = in_a_manager(home, TRY)
    if tried.returncode == 77 or "unshare" in tried.stderr:
        pytest.skip(f"no user manager can be run here: {tried.stderr}")
    cannot = re.findall(r"CANNOT (\w+)", tried.stdout)
    assert len(cannot) < 4, "nearly all of it can be applied anywhere"
    drop = ["User", "Group", "RuntimeDirectory", "StateDirectory", *cannot]
    if str(home).startswith("/tmp/") or str(ROOT).startswith("/tmp/"):
        drop.append("PrivateTmp")  # it would hide the program and its files
    if str(home).startswith(("/home/", "/root/")):
        drop.append("ProtectHome")
    for name in drop:
        text = re.sub(rf"(?m)^{name}=.*\n", "", text)
    text = text.replace("/etc/flux/system/conf.d", str(home / "conf"))
    text = text.replace("/var/lib/flux-accord", str(home / "state"))
    text = text.replace("-Srundir=/run/flux", "-Srundir=/run/user/0/flux")
    text = re.sub(r"WatchdogSec=.*", "WatchdogSec=10s", text).replace(
        "RestartSec=5s", "RestartSec=0"
    )
    text = text.replace("[Service]", "[Service]\n"
                        "Environment=FLUX_URI=local:///run/user/0/flux/local\n"
                        f"ReadWritePaths={home / 'state'} /run/user/0\n")  # fmt: skip
    (home / ".config/systemd/user/fa.service").write_text(text)
    (home / "conf" / "a.toml").write_text('[heartbeat]\nperiod = "2s"\n')
    script = RUN.replace("{flux}", settings(text)["ExecStart"].split()[0])
    done = in_a_manager(home, script.replace("{root}", str(ROOT)))
    told = f"{done.stdout}\n{done.stderr}\n{(home / 'manager.log').read_text()}"
    assert done.returncode == 0, told
    shown = [dict(pair.split("=", 1) for pair in re.findall(r"\w+=[^=]*(?= \w+=|$)", line))
             for line in done.stdout.splitlines() if "ActiveState" in line]  # fmt: skip
    started, reloaded, refused, by_signal, restarted, stopped = shown
    assert started["ActiveState"] == "active", told
    assert started["StatusText"] == "generation 1, 17 modules", told
    assert reloaded["StatusText"].startswith("generation 2, 17 modules"), told
    assert "RELOAD FAILED" in done.stdout
    assert refused["ActiveState"] == "active", told
    assert "the last reload was refused: heartbeat" in refused["StatusText"], told
    assert "refused" not in by_signal["StatusText"], told
    assert (restarted["ActiveState"], restarted["NRestarts"]) == ("active", "1"), told
    assert "generation 2" in restarted["StatusText"], told
    assert "missed: cooling" in restarted["StatusText"], told
    assert (stopped["ActiveState"], stopped["Result"]) == ("inactive", "success"), told
    assert done.stdout.splitlines().count("1") == 3  # x, cooling, and x again
    assert "17" in done.stdout.splitlines()
