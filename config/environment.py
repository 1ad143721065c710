"""The environment of processes that we start ourselves."""

import os
from collections.abc import MutableMapping

from callboard.config.settings import PREFIX, Settings, variables_of


def override_environment(**chosen: object) -> None:
    """Give this process and those that it starts other values than the environment has.

    Args:
        chosen: values by the names of settings, or of variables; None changes nothing.
    """
    for name, value in chosen.items():
        if value is not None:
            variable = variables_of(name)[0] if name in Settings.model_fields else name
            os.environ[variable] = str(value)


def bare_environment(**settings: str) -> dict[str, str]:
    """Copy this process' environment without any setting of ours, and add `settings`."""
    ours = {name for field in Settings.model_fields for name in variables_of(field)}
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) and name not in ours
    }
    return {**kept, **settings}


def environment() -> MutableMapping[str, str]:
    """Give this process' environment itself, to be put back after a function that changed it."""
    return os.environ
