"""The settings of callbacks: hosts, ports, retry delays and the signing key."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr

from callboard.config.duration import parse_duration
from callboard.config.values import DurationBetween, words

_WAITS = ("5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "24h")
RETRIES = tuple(parse_duration(wait) for wait in _WAITS)
"""About three days in all."""

_HOST_PATTERN = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:.]+", re.ASCII)
_HIGHEST_PORT = 65_535
_MIN_CHARACTERS = 32


def _durations(value: object) -> object:
    waits = words(value)
    if not isinstance(waits, tuple):
        return waits
    return tuple(DurationBetween("0s", "7d")(parse_duration(wait)) for wait in waits)


def _host_patterns(value: object) -> object:
    patterns = words(value)
    if not isinstance(patterns, tuple):
        return patterns
    for pattern in patterns:
        if not _HOST_PATTERN.fullmatch(pattern.lower()):
            raise ValueError(f"{pattern!r} is not a host or a pattern such as *.example.com")
    return tuple(pattern.lower() for pattern in patterns)


def _ports(value: object) -> object:
    ports = words(value)
    if not isinstance(ports, tuple) or not all(isinstance(port, str) for port in ports):
        return ports
    for port in ports:
        if not (port.isascii() and port.isdecimal() and 1 <= int(port) <= _HIGHEST_PORT):
            raise ValueError(f"{port!r} is not a TCP port, 1 to {_HIGHEST_PORT}")
    return tuple(int(port) for port in ports)


def _long_enough(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value()) < _MIN_CHARACTERS:
        raise ValueError(f"it has fewer than {_MIN_CHARACTERS} characters")
    return key


HostPatterns = Annotated[tuple[str, ...], BeforeValidator(_host_patterns)]
Ports = Annotated[tuple[int, ...], BeforeValidator(_ports)]
Durations = Annotated[tuple[timedelta, ...], BeforeValidator(_durations)]
SigningKey = Annotated[SecretStr, AfterValidator(_long_enough)]
