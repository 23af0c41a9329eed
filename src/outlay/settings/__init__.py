"""Settings: the environment and outlay.toml become one checked value."""

from outlay.settings.fields import Settings
from outlay.settings.load import load_settings

__all__ = ["Settings", "load_settings"]
