# SPDX-License-Identifier: LGPL-3.0-or-later
"""A task of flux-core's rc1: an agent on each rank before the first module is loaded there.

To be put into DIR/rc1.d, with DIR in FLUX_MODPROBE_PATH_APPEND or the confdir's `modprobe`
directory (flux-modprobe(1)).  docs/fluxcore.md tells step by step.
"""

import subprocess

from flux.modprobe import task


@task("accord-agent", ranks="all", before=["*"])
def accord_agent(context):
    """Return when the agent serves; a rank that cannot have one does not start."""
    del context
    subprocess.run(["flux-accord", "agent", "--detach"], check=True, stdin=subprocess.DEVNULL)
