# SPDX-License-Identifier: LGPL-3.0-or-later
"""What does not refuse: told with the answer, kept in the history, logged at a start, or strict."""

import json
from collections.abc import Iterator

import pytest

from tests.support.broker import RunningBroker

LATER = "would be refused at the next start"


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    """With the bundled modules, on a policy that Fluxion does not know."""
    found = RunningBroker('[sched-fluxion-qmanager]\nqueue-policy = "esay"\n', modules=True).start()
    yield found
    found.close()


def test_a_start_logs_them_with_their_place(broker: RunningBroker) -> None:
    log = broker.log_text()
    assert "did you mean easy?" in log
    assert f"{broker.files}/a.toml:2:1" in log
    broker.write_text("")
    broker.good("reload")


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
    broker: RunningBroker, text: str, told: str
) -> None:
    broker.write_text("")
    broker.good("reload")
    before = broker.generation
    broker.write_text(text)
    warning = told.format(later=LATER, file=broker.files / "a.toml")
    refused = broker.refused("reload", "--strict").splitlines()
    assert f"flux-config: {warning}" in refused
    assert refused[-1] == f"flux-config: nothing changed; generation {before} stays in force"
    tried = broker.config("reload", "--dry-run")
    assert (tried.returncode, f"flux-config: warning: {warning}" in tried.stderr) == (0, True)
    done = broker.config("reload", "--quiet")
    assert (done.returncode, done.stdout) == (0, "")
    assert f"flux-config: warning: {warning}" in done.stderr.splitlines()
    assert broker.generation == before + 1
    newest = broker.json("history", "--json", "-n", "1")["history"][0]
    assert (newest["generation"], newest["result"]) == (before + 1, "committed")
    assert any(kept["message"] in warning for kept in newest["warnings"])
    assert f"       warning: {warning}" in broker.good("history", "-n", "1").splitlines()


def test_programs_get_them_too_and_an_edit_is_named(broker: RunningBroker) -> None:
    broker.write_text("")
    broker.good("reload")
    arguments = ("set", "-t", "integer", "bootstrap.hosts", "42", "--json")
    done = broker.config(*arguments)
    (warning,) = json.loads(done.stdout)["warnings"]
    assert (warning["module"], warning["key"]) == ("overlay", "bootstrap.hosts")
    assert warning["source"].startswith("flux config set bootstrap.hosts 42 by uid ")
    assert done.stderr == ""
    broker.good("unset", "bootstrap")
    strict = broker.config(*arguments, "--strict")
    assert strict.returncode == 1
    found = json.loads(strict.stdout)
    assert (found["result"], found["warnings"]) == ("refused", [])
    assert found["reasons"] == [warning]


def test_a_secret_that_others_can_read(broker: RunningBroker) -> None:
    certificate = broker.root / "curve.cert"
    keys = "".join(f'    {kind}-key = "{"0" * 40}"\n' for kind in ("public", "secret"))
    certificate.write_text(f"curve\n{keys}")
    broker.write_text(f'[bootstrap]\ncurve_cert = "{certificate}"\n')
    for mode, safe in ((0o640, False), (0o604, False), (0o600, True)):
        certificate.chmod(mode)
        done = broker.config("reload", "--dry-run")
        assert done.returncode == 0
        assert ("is a secret that group or others can read" not in done.stderr) is safe
        start = broker.config("validate", "--start", str(broker.files))
        assert (start.returncode == 0) is safe


def test_values_of_one_module_and_loads(broker: RunningBroker) -> None:
    set_ = broker.flux("module", "config", "set", "sched-fluxion-qmanager", "queue-policy=fsfc")
    assert (set_.returncode, "did you mean fcfs?" in set_.stderr) == (0, True)
    assert "flux-module: warning: sched-fluxion-qmanager: " in set_.stderr
    reload = broker.flux("module", "reload", "sched-fluxion-qmanager")
    assert (reload.returncode, "did you mean fcfs?" in reload.stderr) == (0, True)
