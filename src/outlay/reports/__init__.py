"""Questions answered from the ledger."""
