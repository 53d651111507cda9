# SPDX-License-Identifier: LGPL-3.0-or-later
"""Tests of the folder of the same name."""
