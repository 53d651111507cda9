# SPDX-License-Identifier: LGPL-3.0-or-later
"""Tables of the configuration that several bundled modules read."""
