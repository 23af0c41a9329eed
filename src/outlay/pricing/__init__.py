"""What usage costs: the dated price book, its overlays, and the only place where cost is made."""
