"""The data plane: the order of a call, from its first byte to its event."""
