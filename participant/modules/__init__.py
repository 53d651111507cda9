"""The bundled modules: Flux's own, as far as they have a say in the configuration.

Only their names stand here: who lists modules must not wait for all of them to be imported.
"""

BUNDLED: dict[str, str] = {
    "heartbeat": "participant.modules.heartbeat:Heartbeat",
    "resource": "participant.modules.resource:Resource",
    "job-manager": "participant.modules.job_manager:JobManager",
    "job-ingest": "participant.modules.job_ingest:JobIngest",
}
"""Module name → import path, "package.file:Class", in the order of loading at start."""
