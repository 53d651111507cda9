# SPDX-License-Identifier: LGPL-3.0-or-later
"""The network of brokers: flux-config-tbon(5) and flux-config-bootstrap(5)."""

import os
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from participant.module import Reject, Rejects
from participant.modules.tables.base import UNDERSCORES, LaxTable
from participant.modules.tables.bootstrap import Bootstrap, objections
from participant.modules.tables.conditional import AT_START, ConditionalModule
from participant.modules.tables.counters import seconds
from participant.modules.tables.files import read_private_file
from participant.settings.field import Field
from participant.settings.types import FSD, MORE_THAN_ZERO, Int32, at_least
from protocol.formats.fsd import format_fsd
from protocol.formats.quoted import quoted

_TOPOLOGY = re.compile(r"kary:[+-]?[0-9]+|mincrit(?::[+-]?[0-9]+)?|binomial|custom")
_KEY_IN_CERTIFICATE = re.compile(r'^\s*(public|secret)-key\s*=\s*"[!-~]{40}"', re.MULTILINE)
_PEERS: Final = ("child-count", "child-connected", "parent-count", "parent-rpc", "child-rpc")
_CERTIFICATE_BYTES: Final = 64 * 1024


def _topology(text: str) -> str:
    if not _TOPOLOGY.fullmatch(text):
        raise ValueError(
            f"{quoted(text)} is not a topology: write kary:K, mincrit, mincrit:K, binomial "
            "or custom"
        )
    return text


def _high_water_mark(number: int) -> int:
    if number < 0 or number == 1:
        raise ValueError(f"must be 0 for no limit, or 2 or more, not {number}")
    return number


class Tbon(LaxTable):
    """The table `tbon`."""

    model_config = UNDERSCORES

    torpid_min: Annotated[FSD, MORE_THAN_ZERO] = Field(
        "5s", description="pause between signs of life to the parent"
    )
    torpid_max: FSD = Field(
        "30s",
        description="silence after which a child counts as torpid, more than torpid_min; 0: never",
    )
    tcp_user_timeout: Annotated[FSD, AT_START] = Field(
        "20s", description="time until unacknowledged data end a connection"
    )
    connect_timeout: Annotated[FSD, AT_START] = Field(
        "30s", description="time until an attempt to connect is given up"
    )
    topo: Annotated[str, AfterValidator(_topology), AT_START] | None = Field(
        None,
        description="shape of the tree: kary:K, mincrit, mincrit:K, binomial or custom; default: "
        "kary:32, or custom with a bootstrap table",
    )
    zmqdebug: Annotated[Int32, AT_START] = Field(0, description="log socket events; 0 for not")
    zmq_io_threads: Annotated[Int32, at_least(1), AT_START] = Field(
        1, description="threads for the network, 1 or more"
    )
    child_rcvhwm: Annotated[Int32, AfterValidator(_high_water_mark), AT_START] = Field(
        0, description="messages that may wait from a child, 2 or more; 0 for no limit"
    )
    interface_hint: Annotated[str, AT_START] = Field(
        "default-route",
        alias="interface-hint",
        description="network interface to listen on: a name, a network, default-route or hostname",
    )


class Overlay(ConditionalModule):
    """Connects the brokers of the instance as a tree."""

    name = "overlay"
    tables = ("tbon", "bootstrap")

    class Config(LaxTable):
        """The tables of this module."""

        tbon: Tbon = Field(default_factory=Tbon)
        bootstrap: Annotated[Bootstrap | None, AT_START] = None

    config: Config

    _bootstrap: Bootstrap | None = None
    _topology: str | None = None

    def prepare(self, new: Config, config: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Refuse bounds that cross; at start also a network that cannot be built."""
        rejects: list[Reject] = []
        low, high = new.tbon.torpid_min, new.tbon.torpid_max
        if high != 0 and low >= high:
            rejects.append(
                Reject(
                    f"torpid_max ({format_fsd(high)}) must be more than torpid_min "
                    f"({format_fsd(low)}), or 0",
                    key="torpid_max" if "torpid_max" in new.tbon.model_fields_set else "torpid_min",
                    table="tbon",
                )
            )
        if self.starting and new.bootstrap is not None:
            rejects += objections(new.bootstrap, self.host_name())
            rejects += self._certificate(new.bootstrap.curve_cert)
        if rejects:
            raise Rejects(rejects)

    def commit(self, staged: None) -> None:  # noqa: ARG002
        """The network is built once; only the torpid times change while it stands."""
        if self.starting:
            self._bootstrap = self.config.bootstrap
            self._topology = self.config.tbon.topo

    def stats(self) -> dict[str, Any]:
        """The size and shape of the tree, and after how many seconds a child counts as torpid.

        This broker has neither parent nor children.
        """
        hosts = self._bootstrap.hosts if self._bootstrap else []
        return {
            **dict.fromkeys(_PEERS, 0),
            "interthread": {"sendq": 0, "recvq": 0},
            "size": len({name for entry in hosts for name in entry.host}) or 1,
            "topology": self._topology or ("custom" if self._bootstrap else "kary:32"),
            "torpid_min": seconds(self.config.tbon.torpid_min),
            "torpid_max": seconds(self.config.tbon.torpid_max),
        }

    def _certificate(self, path: str | None) -> list[Reject]:
        """A certificate that is named must load, even where one broker needs none."""
        if path is None:
            return []
        try:
            text = read_private_file(path, _CERTIFICATE_BYTES).decode(errors="replace")
        except ValueError as error:
            return [Reject(str(error), key="curve_cert", table="bootstrap")]
        if {"public", "secret"} <= set(_KEY_IN_CERTIFICATE.findall(text)):
            return []
        why = f"{path} is not a certificate with a public and a secret key"
        return [Reject(why, key="curve_cert", table="bootstrap")]

    def host_name(self) -> str:
        """The name of this host."""
        return os.uname().nodename
