"""Every setting, read once, and what is built from settings: connections, logging, web server."""

from config.duration import parse_bytes, parse_duration, parse_duration_range
from config.errors import ConfigurationError
from config.load import load_settings, load_settings_or_exit
from config.settings import Settings
from config.values import ApiKey, Rate, Role

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
