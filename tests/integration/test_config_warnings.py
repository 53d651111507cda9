# SPDX-License-Identifier: LGPL-3.0-or-later
"""What does not refuse: told with the answer, kept in the history, logged at a start, or strict."""

import json
from collections.abc import Iterator

import pytest

from tests.support.broker import RunningBroker

LATER = "would be refused at the next start"


@pytest.fixture(scope="module")
def house() -> Iterator[RunningBroker]:
    """With the bundled modules, on a policy that Fluxion does not know."""
    found = RunningBroker('[sched-fluxion-qmanager]\nqueue-policy = "esay"\n', modules=True).start()
    yield found
    found.close()


def test_a_start_logs_them_with_their_place(house: RunningBroker) -> None:
    log = (house.root / "log").read_text()
    assert "did you mean easy?" in log
    assert f"{house.files}/a.toml:2:1" in log
    house.write_text("")
    house.good("reload")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[resource.config]]\nhosts = "a,b"\ncores = "0"\n[resource]\nexclude = "c"\n',
         "resource: resource.exclude: {later}: c must be among the configured hosts ({file}:5:1)"),
        ("[bootstrap]\nhosts = 42\n",
         "overlay: bootstrap.hosts: {later}: must be an array, not an integer ({file}:2:1)"),
        ('[sched-fluxion-resource]\nmatch-policy = "lonodx"\n',
         ('sched-fluxion-resource: sched-fluxion-resource.match-policy: {later}: "lonodx" is no '
          "match policy; did you mean lonodex? ({file}:2:1)")),
        ('[sched-fluxion-qmanager]\nqueue-policy = "hybird"\n',
         ('sched-fluxion-qmanager: sched-fluxion-qmanager.queue-policy: "hybird" is no policy: '
          "Fluxion silently takes fcfs; did you mean hybrid? ({file}:2:1)")),
    ],
)  # fmt: skip
def test_a_change_tells_them_and_strictly_is_refused(
    house: RunningBroker, text: str, told: str
) -> None:
    house.write_text("")
    house.good("reload")
    before = house.generation
    house.write_text(text)
    warning = told.format(later=LATER, file=house.files / "a.toml")
    refused = house.refused("reload", "--strict").splitlines()
    assert f"flux-config: {warning}" in refused
    assert refused[-1] == f"flux-config: nothing changed; generation {before} stays in force"
    tried = house.config("reload", "--dry-run")
    assert (tried.returncode, f"flux-config: warning: {warning}" in tried.stderr) == (0, True)
    done = house.config("reload", "--quiet")
    assert (done.returncode, done.stdout) == (0, "")
    assert f"flux-config: warning: {warning}" in done.stderr.splitlines()
    assert house.generation == before + 1
    newest = house.json("history", "--json", "-n", "1")["history"][0]
    assert (newest["generation"], newest["result"]) == (before + 1, "committed")
    assert any(one["message"] in warning for one in newest["warnings"])
    assert f"       warning: {warning}" in house.good("history", "-n", "1").splitlines()


def test_programs_get_them_too_and_an_edit_is_named(house: RunningBroker) -> None:
    house.write_text("")
    house.good("reload")
    arguments = ("set", "-t", "integer", "bootstrap.hosts", "42", "--json")
    done = house.config(*arguments)
    (warning,) = json.loads(done.stdout)["warnings"]
    assert (warning["module"], warning["key"]) == ("overlay", "bootstrap.hosts")
    assert warning["source"].startswith("flux config set bootstrap.hosts 42 by uid ")
    assert done.stderr == ""
    house.good("unset", "bootstrap")
    strict = house.config(*arguments, "--strict")
    assert strict.returncode == 1
    found = json.loads(strict.stdout)
    assert (found["result"], found["warnings"]) == ("refused", [])
    assert found["reasons"] == [warning]


def test_a_secret_that_others_can_read(house: RunningBroker) -> None:
    certificate = house.root / "curve.cert"
    keys = "".join(f'    {kind}-key = "{"0" * 40}"\n' for kind in ("public", "secret"))
    certificate.write_text(f"curve\n{keys}")
    house.write_text(f'[bootstrap]\ncurve_cert = "{certificate}"\n')
    for mode, safe in ((0o640, False), (0o604, False), (0o600, True)):
        certificate.chmod(mode)
        done = house.config("reload", "--dry-run")
        assert done.returncode == 0
        assert ("is a secret that group or others can read" not in done.stderr) is safe
        start = house.config("validate", "--start", str(house.files))
        assert (start.returncode == 0) is safe


def test_values_of_one_module_and_loads(house: RunningBroker) -> None:
    set_ = house.flux("module", "config", "set", "sched-fluxion-qmanager", "queue-policy=fsfc")
    assert (set_.returncode, "did you mean fcfs?" in set_.stderr) == (0, True)
    assert "flux-module: warning: sched-fluxion-qmanager: " in set_.stderr
    reload = house.flux("module", "reload", "sched-fluxion-qmanager")
    assert (reload.returncode, "did you mean fcfs?" in reload.stderr) == (0, True)
