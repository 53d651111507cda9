# SPDX-License-Identifier: LGPL-3.0-or-later
"""Two configurations beside each other: what differs, whose it is, and what nobody reads; pure."""
