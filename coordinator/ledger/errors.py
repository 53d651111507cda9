# SPDX-License-Identifier: LGPL-3.0-or-later
"""What can go wrong with a ledger, whichever it is."""


class LedgerError(Exception):
    """The ledger cannot be used; the text says why and what the way out is."""


class NotWritten(Exception):
    """The decision is certainly not on disk."""


class Fenced(NotWritten):
    """It is not on disk, and never will be: a later coordinator has opened the ledger."""


class Uncertain(Exception):
    """Nobody knows whether the decision is on disk: stop, and read the ledger anew."""


class NotKept(LookupError):
    """There is no such generation (any more); the text says which there are."""
