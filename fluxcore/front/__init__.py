# SPDX-License-Identifier: LGPL-3.0-or-later
"""The process that holds the name `config`, so that the death of an agent loses no request.

A request to a client that dies is never answered (flux-core 0.88).  So who holds the name is as
small as it can be, and has little that could end it: it answers `config.get` from a text, and
passes the rest on to the agent.  It imports next to nothing: each module is memory on every node.
"""
