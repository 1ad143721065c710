"""Every setting: its name, type, range and meaning, read once from the environment."""

from callboard.config.duration import parse_bytes, parse_duration, parse_duration_range
from callboard.config.errors import ConfigurationError
from callboard.config.load import load_settings, load_settings_or_exit
from callboard.config.settings import Settings
from callboard.config.values import ApiKey, Rate, Role

__all__ = [
    "ApiKey",
    "ConfigurationError",
    "Rate",
    "Role",
    "Settings",
    "load_settings",
    "load_settings_or_exit",
    "parse_bytes",
    "parse_duration",
    "parse_duration_range",
]
