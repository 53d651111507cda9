# SPDX-License-Identifier: LGPL-3.0-or-later
"""The side that asks: transactions, membership, the ledger, and the broker that serves them.

Start at broker.py for the process, at core/machine.py for the protocol.
"""
