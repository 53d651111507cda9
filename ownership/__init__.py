# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who besides a user and root could change a file: one rule, for coordinator and participant alike.

Nothing here knows what the files are for.  It looks at owners and modes, and changes nothing.
"""
