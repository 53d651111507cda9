# SPDX-License-Identifier: LGPL-3.0-or-later
"""One file a command, one folder a family."""
