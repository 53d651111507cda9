# SPDX-License-Identifier: LGPL-3.0-or-later
"""Flux's text notations (RFC 14, 22, 23, 29); both sides read and write them."""
