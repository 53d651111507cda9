# SPDX-License-Identifier: LGPL-3.0-or-later
"""Threads beside the loop, and the log."""
