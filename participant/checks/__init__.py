# SPDX-License-Identifier: LGPL-3.0-or-later
"""Commands that vote: found, run beside everything else, and heard.  Start at panel.py."""
