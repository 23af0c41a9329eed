"""A provider emulator with its own bill, and a traffic simulator."""
