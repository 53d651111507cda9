# SPDX-License-Identifier: LGPL-3.0-or-later
"""flux-core behind a few typed calls, for the coordinator's half and the participant's alike.

Nothing here knows of configurations.  flux-core's Python bindings are loaded when a handle is made,
never at import: everything else runs, and is checked, where there is no Flux.
"""
