# SPDX-License-Identifier: LGPL-3.0-or-later
"""The commands: thin, and quick to start, since scripts call them in loops."""

VERSION = "0.1.0"
"""Of the distribution, too: pyproject.toml takes it from here."""
