# SPDX-License-Identifier: LGPL-3.0-or-later
"""In a real Flux: who judges for its modules, and how a module of Flux can vote itself."""
