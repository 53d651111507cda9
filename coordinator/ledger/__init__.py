# SPDX-License-Identifier: LGPL-3.0-or-later
"""The durable list of decisions: the only durable state there is."""
