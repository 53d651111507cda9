# SPDX-License-Identifier: LGPL-3.0-or-later
"""Options that several commands have."""
