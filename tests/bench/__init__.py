# SPDX-License-Identifier: LGPL-3.0-or-later
"""Timings as ratios to a floor measured in the same run: `make bench`.

Never asserted in tests: a machine is as fast as its neighbours let it be.  The floor of a change is
what nobody who does two rounds and a durable decision can avoid: bare pyzmq ROUTER and DEALER
processes, the same payload decoded once with msgpack, one fdatasync(2) of 4 KB.
"""
