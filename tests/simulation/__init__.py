# SPDX-License-Identifier: LGPL-3.0-or-later
"""A deterministic simulation of everything around the two machines: disk, network, processes, time.

The machines, the messages and their codec are the production's own.  What is simulated is what the
world does to them: writes that are lost, frames that are late, processes that die between any two
effects.  One seed decides all of it, so whatever went wrong once goes wrong again.
"""
