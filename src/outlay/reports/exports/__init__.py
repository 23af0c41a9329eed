"""How a report leaves: one file per format."""
