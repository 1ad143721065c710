"""Parses the values of settings: lists, keys, addresses, durations and sizes."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator

from callboard.config.duration import format_duration, parse_bytes, parse_duration

Role = Literal["viewer", "client", "operator", "admin"]

_ROLES: dict[str, Role] = {role: role for role in get_args(Role)}
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
"""The names of tenants, and of what settings give values."""
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+", re.ASCII)
_MAX_REQUESTS = 1_000_000


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key in the settings: its hash, never the key itself."""

    tenant: str
    role: Role
    sha256: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests or submissions a window has, in one burst or spread over it."""

    requests: int
    window: timedelta

    @property
    def window_s(self) -> int:
        """The window, in whole seconds."""
        return self.window // timedelta(seconds=1)

    def __str__(self) -> str:
        """Return it as written in a setting."""
        return f"{self.requests}/{format_duration(self.window)}"


@dataclass(frozen=True, slots=True)
class DurationBetween:
    """Accepts durations within a range; its ends are written as in a setting."""

    low: str
    high: str

    def __call__(self, value: timedelta) -> timedelta:
        """Return the value.

        Raises:
            ValueError: the value is outside the range.

        """
        if not parse_duration(self.low) <= value <= parse_duration(self.high):
            raise ValueError(f"it must be between {self.low} and {self.high}")
        return value


@dataclass(frozen=True, slots=True)
class SizeBetween:
    """Accepts sizes within a range; its ends are written as in a setting."""

    low: str
    high: str

    def __call__(self, value: int) -> int:
        """Return the value.

        Raises:
            ValueError: the value is outside the range.

        """
        if not parse_bytes(self.low) <= value <= parse_bytes(self.high):
            raise ValueError(f"it must be between {self.low} and {self.high}")
        return value


def is_loopback(host: str) -> bool:
    """Return whether only programs on this machine can reach the address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def lower(value: object) -> object:
    """Convert a word to lower case."""
    return value.lower() if isinstance(value, str) else value


def words(value: object) -> object:
    """Split a list at its commas; return a value that is not text unchanged."""
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


def _readable_file(value: object) -> object:
    if not isinstance(value, str | Path):
        return value
    path = Path(value).absolute()  # a function may change its process's working folder
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ValueError(f"{str(value)!r} cannot be read: {reason}") from error


def _modules(value: object) -> object:
    names = words(value)
    if isinstance(names, tuple):
        for name in names:
            if not _MODULE.fullmatch(name):
                raise ValueError(f"{name!r} is not the name of a Python module")
    return names


def _route_modules(value: object) -> object:
    specs = words(value)
    if isinstance(specs, tuple):
        for spec in specs:
            prefix, _, name = spec.rpartition("=")
            if prefix and not _PREFIX.fullmatch(prefix):
                raise ValueError(f"{prefix!r} is not a prefix of paths, such as /reports")
            if not _MODULE.fullmatch(name):
                raise ValueError(f"{name!r} is not the name of a Python module")
    return specs


def _networks(value: object) -> object:
    networks = words(value)
    if isinstance(networks, tuple):
        for network in networks:
            try:
                ip_network(network)
            except ValueError as error:
                raise ValueError(
                    f"{network!r} is not an IP address or network such as 10.0.0.0/8"
                ) from error
    return networks


def parse_rate(value: str | Rate) -> Rate:
    """Parse a number per period, such as `100/10s`.

    Raises:
        ValueError: the text is not a rate; the number is not from 1 to 1,000,000; or the period is
            not whole seconds from 1 s to a day.
    """
    if isinstance(value, Rate):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a number per period, such as 100/10s")
    count, slash, length = (part.strip() for part in value.partition("/"))
    if not slash or not count.isdecimal() or not count.isascii():
        raise ValueError(f"{value!r} is not a number per period, such as 100/10s")
    if len(count) > len(str(_MAX_REQUESTS)) or not 1 <= int(count) <= _MAX_REQUESTS:
        raise ValueError(f"it must allow 1 to {_MAX_REQUESTS}, not {count}")
    window = DurationBetween("1s", "1d")(parse_duration(length))
    if window % timedelta(seconds=1):
        raise ValueError(f"{length!r} is not a whole number of seconds")
    return Rate(int(count), window)


def _api_keys(value: object) -> object:
    if not isinstance(value, str):
        return value
    entries = [entry for entry in value.split(",") if entry.strip()]
    keys = tuple(_api_key(entry.strip(), number) for number, entry in enumerate(entries, start=1))
    if len({key.sha256 for key in keys}) < len(keys):
        raise ValueError("two entries have the same hash; each key belongs to one tenant and role")
    return keys


def _api_key(entry: str, number: int) -> ApiKey:
    # The entry itself is never quoted: it may be the key instead of its hash.
    tenant, role, sha256 = (*entry.split(":"), "", "")[:3]
    if entry.count(":") != 2 or not NAME.fullmatch(tenant):  # noqa: PLR2004  # three parts
        raise ValueError(f"entry {number} is not written as tenant:role:sha256")
    if role not in _ROLES:
        raise ValueError(
            f"entry {number} has an unknown role; use viewer, client, operator or admin"
        )
    if not _SHA256.fullmatch(sha256.lower()):
        raise ValueError(f"entry {number} does not end in a SHA-256 of 64 hexadecimal digits")
    return ApiKey(tenant=tenant, role=_ROLES[role], sha256=sha256.lower())


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Size = Annotated[int, BeforeValidator(parse_bytes)]
Words = Annotated[tuple[str, ...], BeforeValidator(words)]
RouteModules = Annotated[tuple[str, ...], BeforeValidator(_route_modules)]
Modules = Annotated[tuple[str, ...], BeforeValidator(_modules)]
PemFile = Annotated[Path, BeforeValidator(_readable_file)]
Networks = Annotated[tuple[str, ...], BeforeValidator(_networks)]
RequestRate = Annotated[Rate, BeforeValidator(parse_rate)]
ApiKeys = Annotated[tuple[ApiKey, ...], BeforeValidator(_api_keys)]
