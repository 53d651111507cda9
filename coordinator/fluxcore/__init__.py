# SPDX-License-Identifier: LGPL-3.0-or-later
"""The coordinator inside a Flux instance: other parts behind the interfaces of `coordinator`.

Members are ranks.  Flux's RPCs carry the frames, its groups tell who is there, its `config` service
is a front for clients.  `compose` puts them together with the production machine, executor and
ledger.
"""
