"""The URLs of RabbitMQ and Redis: which schemes and options they may have."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pydantic import BeforeValidator, SecretStr

_UNREADABLE: Final = "it is not a valid URL"
_ENCODE: Final = "in a user name or password, write /, ?, #, @, : and % as %2F, %3F, %23 and so on"
_NAME: Final = re.compile(r"[a-z][a-z_]{0,39}", re.ASCII)
_HIGHEST_DATABASE: Final = 2**31 - 1

Check = Callable[[str], bool]


def _is_database(text: str) -> bool:
    digits = text.isascii() and text.isdecimal() and len(text) <= len(str(_HIGHEST_DATABASE))
    return digits and int(text) <= _HIGHEST_DATABASE


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII) is not None


@dataclass(frozen=True, slots=True)
class _Option:
    """An option that may appear in a URL's query.

    Attributes:
        fits: whether a value is allowed.
        wanted: the allowed values, in words.
    """

    fits: Check
    wanted: str


_REDIS: Final[Mapping[str, _Option]] = {
    "db": _Option(_is_database, "a database number"),
    "username": _Option(bool, "a name"),
    "password": _Option(bool, "a password"),
    # These state what is the case anyway; hosting providers add them to their URLs.
    "ssl_cert_reqs": _Option(lambda text: text == "required", "required"),
}
# Our own values override these; hosting providers add them to their URLs.
_RABBITMQ: Final[Mapping[str, _Option]] = dict.fromkeys(
    (
        "blocked_connection_timeout",
        "connection_attempts",
        "connection_timeout",
        "heartbeat",
        "retry_delay",
        "socket_timeout",
        "stack_timeout",
    ),
    _Option(_is_number, "a number"),
)


@dataclass(frozen=True, slots=True, eq=False)
class _Address:
    """Parses an address, or explains in a sentence without secrets what is wrong with it.

    Attributes:
        schemes: those that are allowed.
        options: those that may stand in its query.
    """

    schemes: tuple[str, ...]
    options: Mapping[str, _Option]

    def __call__(self, value: object) -> object:
        url = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not isinstance(url, str):
            return value
        url = url.strip()
        parts = self._parted(url)
        for complaint in self._complaints(parts):
            raise ValueError(complaint)
        if re.search(r"[\x00-\x20\x7f]", url):
            raise ValueError("it contains a space or control character; write a space as %20")
        # The clients know only lower-case schemes.
        return parts.scheme + url[len(parts.scheme) :]

    def _parted(self, url: str) -> SplitResult:
        try:
            parts = urlsplit(url)
        except ValueError:
            raise ValueError(_UNREADABLE) from None  # the cause quotes the password
        if parts.scheme not in self.schemes or url[len(parts.scheme) :][:3] != "://":
            wanted = " or ".join(f"{scheme}://" for scheme in self.schemes)
            raise ValueError(f"it must begin with {wanted}")
        return parts

    def _complaints(self, parts: SplitResult) -> Iterator[str]:
        yield from _host(parts)
        if parts.fragment or "@" in parts.query:
            yield f"it contains a # or ? in the wrong place; {_ENCODE}"
        try:
            for text in (parts.netloc, parts.path, parts.query):
                unquote(text, errors="strict")
        except UnicodeDecodeError:
            yield "it contains percent-encoded bytes that are not UTF-8"
        yield from self._options(parts.query)
        if parts.scheme.startswith("redis"):
            yield from _database(parts)
        if parts.scheme.startswith("amqp"):
            yield from _virtual_host(parts)

    def _options(self, query: str) -> Iterator[str]:
        seen: set[str] = set()
        for name, value in parse_qsl(query, keep_blank_values=True):
            if name.startswith("ssl_") and (name, value) != ("ssl_cert_reqs", "required"):
                yield (
                    f"it must not contain {_shown(name)}: certificates are always verified; "
                    "CALLBOARD_TLS_CA_FILE adds trusted authorities"
                )
            if name not in self.options:
                known = ", ".join(sorted(each for each in self.options if "ssl" not in each))
                yield f"it must not contain {_shown(name)}; valid options are {known}"
            elif not self.options[name].fits(value):
                yield f"its option {name} must be {self.options[name].wanted}"
            if name in seen:
                yield f"it contains {name} twice"
            seen.add(name)


def _shown(name: str) -> str:
    """Name an option, unless it may be part of a password."""
    return name if _NAME.fullmatch(name) else "what follows its ?"


def _host(parts: SplitResult) -> Iterator[str]:
    if parts.scheme == "unix":
        if parts.hostname or not parts.path.strip("/"):
            yield "it names no host: a socket's path begins with a /, as in unix:///run/redis.sock"
        return
    if not _has_port(parts):
        yield f"{_UNREADABLE}: its port is not a number from 1 to 65535; {_ENCODE}"
    if not parts.hostname:
        yield f"it names no host; {_ENCODE}"
    try:
        # As a client looks it up: a label may be too long or empty.
        (parts.hostname or "").encode("idna")
    except UnicodeError:
        yield "its host is not a valid host name"


def _has_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def _database(parts: SplitResult) -> Iterator[str]:
    number = unquote(parts.path[1:])
    if number and not _is_database(number):
        yield f"its path is not a database number such as /0; {_ENCODE}"
    if number and any(name == "db" for name, _ in parse_qsl(parts.query)):
        yield "it names a database twice"


def _virtual_host(parts: SplitResult) -> Iterator[str]:
    if parts.username is not None and parts.password is None:
        yield "it names a user without a password"
    if "/" in parts.path[1:]:
        yield "its virtual host contains a /; write it as %2F"


BrokerUrl = Annotated[SecretStr, BeforeValidator(_Address(("amqp", "amqps"), _RABBITMQ))]
RedisUrl = Annotated[SecretStr, BeforeValidator(_Address(("redis", "rediss", "unix"), _REDIS))]
