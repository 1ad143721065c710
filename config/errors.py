"""The error of a configuration, worded for the person who wrote it."""


class ConfigurationError(Exception):
    """The settings cannot be used; the message names the variable and the reason, no secret."""
