"""Reads the settings from the environment, or explains in one sentence why it cannot."""

import os
import sys
from difflib import get_close_matches
from typing import NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from callboard.config.errors import ConfigurationError
from callboard.config.settings import PREFIX, Settings, variables_of

_MAX_SENTENCE_LENGTH = 400
_READ_BY_THE_CLIENT = frozenset({"CALLBOARD_URL", "CALLBOARD_API_KEY"})


def load_settings(**overrides: object) -> Settings:
    """Read the settings from the environment.

    Args:
        overrides: values that override the environment, by field name.

    Raises:
        ConfigurationError: the message names the variable and what is wrong, without secrets.

    """
    _refuse_misspellings()
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # validated by the model itself
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
    raise ConfigurationError(_shown(_sentence(details[0])))


def load_settings_or_exit(**overrides: object) -> Settings:
    """Read the settings as `load_settings` does, for the outermost function of a command.

    Raises:
        SystemExit: with code 2 after one sentence on standard error, when they cannot be used.

    """
    try:
        return load_settings(**overrides)
    except ConfigurationError as error:
        refuse_to_start(str(error))


def refuse_to_start(reason: str) -> NoReturn:
    """End the process, for the outermost function of a command.

    Args:
        reason: why it cannot start; ends the sentence.

    Raises:
        SystemExit: with code 2 after one sentence on standard error.

    """
    sys.stderr.write(f"Callboard cannot start: {reason}\n")
    raise SystemExit(2)


def _refuse_misspellings() -> None:
    known = {name for field in Settings.model_fields for name in variables_of(field)}
    for name in os.environ:
        if not name.startswith(PREFIX) or name in known | _READ_BY_THE_CLIENT:
            continue
        for meant in get_close_matches(name, known, n=1, cutoff=0.85):
            raise ConfigurationError(f"{name} is not a setting; did you mean {meant}?")


def _sentence(detail: ErrorDetails) -> str:
    if detail["type"] == "contradiction":
        return detail["msg"]
    reason = detail["msg"].removeprefix("Value error, ")
    place = str(detail["loc"][0])
    if detail["type"] == "extra_forbidden":
        return f"{place} is not a setting"
    return f"{_variable_in_use(place)} is not valid: {reason[0].lower()}{reason[1:]}"


def _shown(sentence: str) -> str:
    """Quote the start of a value, without control characters."""
    plain = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in sentence)
    half = _MAX_SENTENCE_LENGTH // 2
    return plain if len(plain) <= _MAX_SENTENCE_LENGTH else f"{plain[:half]} … {plain[-half:]}"


def _variable_in_use(place: str) -> str:
    names = variables_of(place) if place in Settings.model_fields else _siblings(place)
    return next((name for name in names if os.environ.get(name)), names[0])


def _siblings(name: str) -> tuple[str, ...]:
    upper = name.upper()
    every = (variables_of(field) for field in Settings.model_fields)
    return next((names for names in every if upper in names), (upper,))
