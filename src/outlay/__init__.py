"""Outlay: a self-hosted gateway that tells a company what its AI spend bought."""

__version__ = "0.1.0"
