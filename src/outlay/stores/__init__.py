"""The walls to the databases."""
