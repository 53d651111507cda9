# SPDX-License-Identifier: LGPL-3.0-or-later
"""The broker as a service: what whoever supervises it is told (sd_notify(3))."""
