"""Settings: the environment and outlay.toml become one checked value."""

from outlay.settings.fields import Settings
from outlay.settings.load import load_settings
from outlay.settings.start_up import refuse_unsafe, start_findings

__all__ = ["Settings", "load_settings", "refuse_unsafe", "start_findings"]
