# SPDX-License-Identifier: LGPL-3.0-or-later
"""Pure: an event in, effects out.  Start at machine.py."""
