# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module's `Config`: fields, types, layers of values, and what is told of them."""
