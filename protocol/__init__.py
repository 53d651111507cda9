# SPDX-License-Identifier: LGPL-3.0-or-later
"""The ground floor: words, messages and tables that both sides of the agreement share.

Everything here is pure.  No sockets, files, clocks, threads or processes: a protocol that can be
read in an hour is one whose definition does nothing but define.
"""
