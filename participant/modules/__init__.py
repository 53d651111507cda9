# SPDX-License-Identifier: LGPL-3.0-or-later
"""The bundled modules: Flux's own, as far as they have a say in the configuration.

Only their names stand here: who lists modules must not wait for all of them to be imported.
"""

BUNDLED: dict[str, str] = {
    "modprobe": "participant.modules.modprobe",
    "overlay": "participant.modules.overlay",
    "connector-local": "participant.modules.connector_local",
    "heartbeat": "participant.modules.heartbeat",
    "content-sqlite": "participant.modules.content_sqlite",
    "kvs": "participant.modules.kvs",
    "sdbus": "participant.modules.sdbus",
    "sdexec": "participant.modules.sdexec",
    "resource": "participant.modules.resource",
    "job-manager": "participant.modules.job_manager",
    "job-ingest": "participant.modules.job_ingest",
    "job-exec": "participant.modules.job_exec",
    "job-list": "participant.modules.job_list",
    "sched-fluxion-resource": "participant.modules.sched_fluxion_resource",
    "sched-fluxion-feasibility": "participant.modules.sched_fluxion_feasibility",
    "sched-fluxion-qmanager": "participant.modules.sched_fluxion_qmanager",
    "checks": "participant.modules.checks",
}
"""Module name → import path of the file that defines it, in the order of loading at start.

Fluxion's three are idle where none of their tables is, as sdbus and sdexec are without systemd: a
system has either sched-simple or Fluxion, and only its tables tell which.  `checks` is
ours alone: it asks commands of the site's own.
"""
