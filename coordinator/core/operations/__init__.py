# SPDX-License-Identifier: LGPL-3.0-or-later
"""One file an operation: a start, a change, a confirmation, what is done to one module."""
