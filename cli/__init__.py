# SPDX-License-Identifier: LGPL-3.0-or-later
"""The commands: thin, and quick to start, since scripts call them in loops."""
