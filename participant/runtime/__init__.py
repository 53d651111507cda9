# SPDX-License-Identifier: LGPL-3.0-or-later
"""What runs a module: its loop, its process, the process it is forked from, attachments."""
