# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where a broker is looked for."""

import socket
from pathlib import Path

import pytest

from cli import client, real_flux
from cli.client import Client, Trouble
from cli.real_flux import BUILT_IN_URI, belongs_to_it


@pytest.fixture
def built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The built-in run directory, in which nobody is; FLUX_URI is not set."""
    monkeypatch.delenv("FLUX_URI", raising=False)
    monkeypatch.setattr(client, "BUILT_IN_URI", f"local://{tmp_path}/local")
    monkeypatch.setattr(real_flux, "BUILT_IN_URI", f"local://{tmp_path}/local")
    return tmp_path


def test_the_built_in_run_directory_is_that_of_flux() -> None:
    assert BUILT_IN_URI == "local:///run/flux/local"


def test_without_flux_uri_a_broker_is_looked_for_there(
    built_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(built_in / "local"))
        listener.listen()
        for uri in (None, ""):
            if uri is not None:
                monkeypatch.setenv("FLUX_URI", uri)
            found = Client()
            assert found.uri == f"local://{built_in}/local"
            found.close()


def test_where_nobody_is_both_are_told(built_in: Path) -> None:
    with pytest.raises(Trouble) as trouble:
        Client()
    assert str(trouble.value) == (
        f"cannot reach the broker at local://{built_in}/local: No such file or directory; "
        "FLUX_URI is not set (`flux start` runs a broker)"
    )
    with pytest.raises(Trouble) as trouble:
        Client(f"local://{built_in}/local")
    assert "FLUX_URI" not in str(trouble.value)


def test_beside_a_real_flux_whoever_serves_it_answers(built_in: Path) -> None:
    line = ("config", "get", "x")
    assert belongs_to_it(line, ("config",), "")
    (built_in / "local").touch()  # a system instance of flux-core has no such lock
    assert belongs_to_it(line, ("config",), "")
    (built_in / "lock").touch()
    assert not belongs_to_it(line, ("config",), "")


def test_a_path_that_no_socket_can_have() -> None:
    with pytest.raises(Trouble, match="too long"):
        Client(f"local:///{200 * 'x'}")
