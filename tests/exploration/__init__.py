# SPDX-License-Identifier: LGPL-3.0-or-later
"""All interleavings of the production's machines in small worlds, breadth first.

`search` takes one world state after another and asks `transitions` what may come next.  A state is
a tuple of small numbers: the parts of a world (a life of a broker, the ledger, the processes, the
clients, the checkers' books) are kept once each in `Table`s.  What a part does when something
happens to it is worked out once, by the production's code, and remembered (`life`, `disk`,
`member`); so millions of transitions cost thousands of steps of a machine.
"""
