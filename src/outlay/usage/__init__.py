"""What a call consumed: meters, disjoint quantities, where they came from."""
