# SPDX-License-Identifier: LGPL-3.0-or-later
"""Power cuts: all that was not synced may be lost, and nothing that was told is."""
