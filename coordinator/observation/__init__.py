# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a broker tells those who watch it: log lines, events, numbers.  Start at observer.py."""
