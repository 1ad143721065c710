"""The environment of processes that we start ourselves."""

import os
from collections.abc import MutableMapping

from callboard.config.settings import PREFIX, Settings, variables_of


def override_environment(**chosen: object) -> None:
    """Override environment variables for this process and those that it starts.

    Args:
        chosen: values by the names of settings, or of variables; None changes nothing.
    """
    for name, value in chosen.items():
        if value is not None:
            variable = variables_of(name)[0] if name in Settings.model_fields else name
            os.environ[variable] = str(value)


def bare_environment(**settings: str) -> dict[str, str]:
    """Copy this process's environment without our settings, and add `settings`."""
    ours = {name for field in Settings.model_fields for name in variables_of(field)}
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) and name not in ours
    }
    return {**kept, **settings}


def environment() -> MutableMapping[str, str]:
    """Return this process's environment itself, to be restored after a function changed it."""
    return os.environ
