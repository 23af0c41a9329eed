"""A provider emulator and a traffic simulator: the independent judge of what the product meters."""
