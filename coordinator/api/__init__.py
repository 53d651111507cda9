# SPDX-License-Identifier: LGPL-3.0-or-later
"""What clients may ask, and how they are answered."""
