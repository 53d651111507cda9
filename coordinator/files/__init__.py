# SPDX-License-Identifier: LGPL-3.0-or-later
"""TOML and JSON files: read, merged, and where in them a key was written."""
