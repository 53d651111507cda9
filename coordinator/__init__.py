"""The side that asks: transactions, membership, the ledger, and the broker that serves them."""
