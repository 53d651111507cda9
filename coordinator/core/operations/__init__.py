# SPDX-License-Identifier: LGPL-3.0-or-later
"""What takes turns in the machine, one file each: a start, a change, a confirmation, one module."""
