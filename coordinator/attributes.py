# SPDX-License-Identifier: LGPL-3.0-or-later
"""The attributes of a broker: name, type, who may set it when, default, meaning.  One table.

`-S`, `flux setattr`, `flux lsattr` and docs/attributes.md go by it.  The names and the effects are
those of flux-broker-attributes(7); what flux-core has and this broker has not is refused by name,
with the reason, because an attribute that is accepted and ignored is a promise that nobody keeps.
"""

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from protocol import limits
from protocol.nearest import did_you_mean

_FREE_TEXT: Final = "any text, kept as a note"
_LAST_LEVEL: Final = 7  # LOG_DEBUG, syslog(3)


class Settable(StrEnum):
    """When an attribute may be set."""

    NEVER = "never"
    """It says what is so (Flux: readonly)."""
    START = "at the start"
    """By `-S`; the broker goes by it from then on."""
    RUNTIME = "at any time"
    """By `-S` and by `flux setattr` (Flux: runtime)."""


class BadAttribute(ValueError):
    """It cannot be set, or not to this; the text says why, with the name in front."""


class Attribute(NamedTuple):
    """One row of the table."""

    name: str
    type: str
    settable: Settable
    default: str
    """For people: a value, or how it comes about; empty where there is none."""
    doc: str
    judge: Callable[[str], str] = str
    """The value in the one way of writing it.  Raises ValueError, which says what is expected."""


# Types


def _boolean(value: str) -> str:
    if value not in ("0", "1", ""):
        raise ValueError("expected 0 or 1")
    return value or "1"


def _number(least: int, most: int) -> Callable[[str], str]:
    def judge(value: str) -> str:
        if not re.fullmatch(r"-?[0-9]{1,9}", value, re.ASCII) or not least <= int(value) <= most:
            raise ValueError(f"expected a number from {least} to {most}")
        return str(int(value))

    return judge


def _level(value: str) -> str:
    if not re.fullmatch(r"-?[0-9]{1,9}", value, re.ASCII) or int(value) > _LAST_LEVEL:
        raise ValueError(
            f"invalid level: expected a number up to {_LAST_LEVEL} (syslog(3)); a negative one "
            "shows nothing"
        )
    return str(int(value))


def _directory(value: str) -> str:
    if not value or "\0" in value:
        raise ValueError("expected the path of a directory")
    return value


def _uri(value: str) -> str:
    if not re.fullmatch(r"local:///(.*/)?local", value, re.DOTALL):
        raise ValueError("expected local:///DIRECTORY/local: the socket is called `local` here")
    return value


def _only(wanted: str, otherwise: str) -> Callable[[str], str]:
    def judge(value: str) -> str:
        if value != wanted:
            raise ValueError(otherwise)
        return value

    return judge


def _text(value: str) -> str:
    if len(value) > limits.REASON_BYTES:
        raise ValueError(f"the value is longer than {limits.REASON_BYTES} characters")
    return value


_NEVER, _START, _RUNTIME = Settable.NEVER, Settable.START, Settable.RUNTIME
_BOOL, _DIR = "0 or 1", "directory"
_RC1 = "expected nothing (no modules are started): modules are not started by a command here"
_NOPANIC = "expected 1: the end of a module never ends this broker"

TABLE: Final[tuple[Attribute, ...]] = (
    Attribute("broker.module-nopanic", _BOOL, _START, "1",
              "the end of a module does not end the broker; always so here",
              _only("1", _NOPANIC)),
    Attribute("broker.pid", "number", _NEVER, "", "process id of the broker"),
    Attribute("broker.rc1_path", "text", _START, "the modules below",
              "empty: start no modules but those that modprobe.directory names; else bundled "
              "modules and those of installed packages are started too", _only("", _RC1)),
    Attribute("broker.rc2_none", _BOOL, _START, "0", "run no program, until a signal", _boolean),
    Attribute("broker.sd-notify", _BOOL, _START, "1 for `flux broker` where NOTIFY_SOCKET is set",
              "tell systemd what the broker does (sd_notify(3))", _boolean),
    Attribute("broker.starttime", "seconds", _NEVER, "", "when it started, since the Epoch"),
    Attribute("config.history", "number", _START, str(limits.HISTORY),
              "generations, and refused attempts, that the ledger keeps",
              _number(2, limits.LONGEST_HISTORY)),
    Attribute("config.path", "path", _NEVER, "", "where the configuration files are; `-c` sets it"),
    Attribute("hostname", "text", _NEVER, "", "name of the host"),
    Attribute("instance-level", "number", _NEVER, "0", "how deep the instance is nested"),
    Attribute("local-uri", "URI", _START, "local://RUNDIR/local",
              "where clients find the broker; the directory is the run directory", _uri),
    Attribute("log-ring-size", "number", _START, str(limits.LOG_LINES),
              "log lines kept for `flux dmesg`", _number(1, limits.LONGEST_LOG)),
    Attribute("log-stderr-level", "number", _RUNTIME, "5 of `flux broker`, 4 of `flux start`",
              "severity up to which log lines go to stderr, syslog(3): 4 warnings, 5 what became "
              "of changes, 6 every phase", _level),
    Attribute("metrics.address", "address", _START, "none",
              "serve metrics for Prometheus at unix:PATH or at HOST:PORT on the loopback; port 0: "
              "a free one", _text),
    Attribute("modprobe.directory", _DIR, _START, "none",
              "files (*.toml) with [[modules]]: modules that are started with the broker",
              _directory),
    Attribute("modules-uri", "URI", _NEVER, "", "where participants join"),
    Attribute("rank", "number", _NEVER, "0", "rank of the broker"),
    Attribute("rundir", _DIR, _START, "a new one in $TMPDIR", "the broker's sockets", _directory),
    Attribute("rundir-cleanup", _BOOL, _START, "1 where rundir is new and unnamed",
              "remove the run directory when the broker ends", _boolean),
    Attribute("security.owner", "uid", _NEVER, "", "user who may change the configuration"),
    Attribute("size", "number", _NEVER, "1", "brokers in the instance"),
    Attribute("statedir", _DIR, _START, "a new one in $TMPDIR",
              "the ledger: what was committed, and what outlives the broker", _directory),
    Attribute("statedir-cleanup", _BOOL, _START, "1 where statedir is new and unnamed",
              "remove the state directory when the broker ends", _boolean),
    Attribute("version", "text", _NEVER, "", "version of flux-accord"),
)  # fmt: skip
"""What there is, by name."""

NOTES: Final = Attribute("test.*", "text", _RUNTIME, "", _FREE_TEXT, _text)
"""Any name that begins like this, as in flux-core."""

_BY_NAME: Final = {attribute.name: attribute for attribute in TABLE}

_ONE_BROKER = "there is one broker here, and no tree of them"
_OWN_LOG = "the log goes to stderr, and its last lines to `flux dmesg`"
NOT_HERE: Final[dict[str, str]] = {
    "broker.boot-method": _ONE_BROKER,
    "broker.cleanup-timeout": f"the broker ends within {limits.SHUTDOWN_SECONDS:g} s of a signal",
    "broker.critical-ranks": _ONE_BROKER,
    "broker.exit-norestart": "say RestartPreventExitStatus=1 in the unit",
    "broker.exit-restart": "say Restart= in the unit",
    "broker.mapping": _ONE_BROKER,
    "broker.quorum": _ONE_BROKER,
    "broker.quorum-warn": _ONE_BROKER,
    "broker.rc2_pgrp": "the program is in the broker's own process group",
    "broker.rc3_path": "modules are stopped by the broker itself",
    "broker.recovery-mode": "`--fallback` goes back to what can start",
    "broker.sd-stop-timeout": f"the broker ends within {limits.SHUTDOWN_SECONDS:g} s of a signal",
    "broker.shutdown-timeout": _ONE_BROKER,
    "broker.shutdown-warn": _ONE_BROKER,
    "broker.unload-builtins-timeout": f"modules have {limits.SHUTDOWN_SECONDS:g} s to end",
    "broker.uuid": _ONE_BROKER,
    "conf.shell_initrc": "no jobs are run here",
    "conf.shell_pluginpath": "no jobs are run here",
    "content.backing-module": "no content is kept here",
    "content.dump": "no content is kept here",
    "content.hash": "no content is kept here",
    "content.restore": "no content is kept here",
    "cron.directory": "there is no cron here",
    "hostlist": _ONE_BROKER,
    "jobid": "the broker is no job",
    "jobid-path": "the broker is no job",
    "log-critical-level": _OWN_LOG,
    "log-filename": _OWN_LOG,
    "log-forward-level": _ONE_BROKER,
    "log-level": "all lines are kept for `flux dmesg`",
    "log-stderr-mode": _ONE_BROKER,
    "log-syslog-enable": _OWN_LOG,
    "log-syslog-level": _OWN_LOG,
    "parent-kvs-namespace": "the broker is no job",
    "parent-uri": "the broker is no job",
}
"""What flux-core 0.88 has and this broker has not, and why; all of `tbon.` likewise."""


def known(name: str) -> Attribute:
    """The row of this name.  Raises BadAttribute where there is none."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    if is_note(name):
        return NOTES
    if name in NOT_HERE or name.startswith("tbon."):
        why = NOT_HERE.get(name, _ONE_BROKER)
        raise BadAttribute(f"{name}: an attribute of flux-core that is not here: {why}")
    raise BadAttribute(f"{name:.60}: unknown attribute{did_you_mean(name, _BY_NAME)}")


def is_note(name: str) -> bool:
    """Whether this is a name that means nothing to the broker."""
    prefix = NOTES.name[:-1]
    return (
        name.startswith(prefix)
        and len(prefix) < len(name) <= limits.NAME_LENGTH
        and name.isprintable()
    )


def listed(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """What the table says of each of these attributes."""
    rows = {name: _BY_NAME.get(name, NOTES) for name in names}
    return {
        name: {
            "type": row.type,
            "settable": str(row.settable),
            "default": row.default,
            "description": row.doc,
        }
        for name, row in rows.items()
    }


def at_start(given: str) -> tuple[str, str]:
    """Name and value of what is typed after `-S`: NAME=VALUE, or NAME alone for one that is true.

    Raises BadAttribute.
    """
    name, equals, value = given.partition("=")
    if not name:
        raise BadAttribute(f"-S {given}: expected NAME=VALUE, or NAME")
    attribute = known(name)
    if attribute.settable is Settable.NEVER:
        hint = "; give the path with -c" if name == "config.path" else ""
        raise BadAttribute(f"{name}: attribute may not be set on the command line{hint}")
    if not equals:
        if attribute.type != _BOOL:
            raise BadAttribute(f"{name}: expected a value ({attribute.type}): {name}=VALUE")
        value = "1"
    return name, _judged(attribute, name, value)


def at_runtime(name: str, value: str, force: bool = False) -> str:
    """The value as it is to be noted.  Raises BadAttribute.

    `force` also notes what the broker was to go by from its start, and goes by no more.
    """
    attribute = known(name)
    if attribute.settable is not Settable.RUNTIME:
        if attribute.settable is Settable.NEVER or not force:
            raise BadAttribute(f"{name}: attribute may not be updated (set {attribute.settable})")
        if attribute.name in ("local-uri", "rundir", "statedir"):
            raise BadAttribute(f"{name}: the broker is there already, and nothing can move it")
    return _judged(attribute, name, value)


def _judged(attribute: Attribute, name: str, value: str) -> str:
    try:
        return attribute.judge(value)
    except ValueError as error:
        raise BadAttribute(f"{name}={value:.60}: {error}") from None
