# SPDX-License-Identifier: LGPL-3.0-or-later
"""Inside of flux-core: the program `flux-accord`, which flux-core runs as `flux accord`.

Here, and nowhere else, the coordinator's and the participant's halves come together in one process.
"""
