# SPDX-License-Identifier: LGPL-3.0-or-later
"""Pure: an event and the time in, effects and at most one decision out.  Start at machine.py."""
