"""The rules for callback URLs: their form, and the addresses that they may lead to."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Literal, Self, cast

import idna

from callboard.config import Settings
from callboard.jobs.callbacks.public_address import IPAddress, is_public, unwrapped

MAX_URL_LENGTH: Final = 2_000
_MAX_HOST_LENGTH: Final = 253
_HIGHEST_PORT: Final = 65_535
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_URL: Final = re.compile(r"(https?)://([^/?]*)(/[^?]*)?(\?.*)?", re.IGNORECASE)
_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(?::([0-9]{1,5}))?")
_TARGET: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# As https://url.spec.whatwg.org/#ends-in-a-number-checker: programs read these as IPv4 addresses.
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


class CallbackRefused(ValueError):
    """The URL is not allowed; the message says why, without secrets."""


@dataclass(frozen=True, slots=True)
class CallbackUrl:
    """A parsed callback URL.

    Attributes:
        host: a name in ASCII and lower case, or an IP address without brackets.
        target: path and query, which may hold secrets.
    """

    scheme: Literal["http", "https"]
    host: str
    port: int
    target: str = field(repr=False)

    @property
    def authority(self) -> str:
        """Write host and port as the header `Host` has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def address(self) -> IPAddress | None:
        """Return the address that stands in the place of a name, or None."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None


class CallbackRules:
    """What callbacks of an installation may reach; checked at submission and before each attempt.

    Args:
        hosts: the only names and addresses, or patterns such as `*.example.com`; none for any.
        networks: allowed in addition to public addresses, also over http.
        ports: the allowed TCP ports.
    """

    def __init__(
        self,
        *,
        hosts: Sequence[str] = (),
        networks: Sequence[str] = (),
        ports: Sequence[int] = (443, 8443),
    ) -> None:
        self._hosts = tuple(hosts)
        self._networks = tuple(ip_network(network) for network in networks)
        self._ports = frozenset(ports)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take the rules from the settings."""
        return cls(
            hosts=settings.callback_hosts,
            networks=settings.callback_networks,
            ports=settings.callback_ports,
        )

    def parse(self, text: str) -> CallbackUrl:
        """Parse a URL, and check it as far as possible without a lookup.

        The addresses of a host name are checked when it is looked up: see `admit`.

        Raises:
            CallbackRefused: it is malformed or not allowed.
        """
        url = _read(text)
        if url.scheme == "http" and not self._networks:
            raise CallbackRefused("It must begin with https://.")
        if url.port not in self._ports:
            ports = ", ".join(str(port) for port in sorted(self._ports))
            raise CallbackRefused(f"Callbacks may use only these ports: {ports}.")
        if self._hosts and not any(_matches(url.host, pattern) for pattern in self._hosts):
            raise CallbackRefused("Callbacks to this host are not allowed.")
        if url.address is not None:
            self.admit(url, [url.host])
        elif _is_local(url.host):
            self.admit(url, ["127.0.0.1"])
        return url

    def admit(self, url: CallbackUrl, addresses: Iterable[str]) -> list[str]:
        """Return the addresses to connect to, if every one of them may be reached.

        The refusal does not show them, since that would reveal internal addresses.

        Args:
            url: the URL whose host was looked up.
            addresses: all results of the lookup.

        Raises:
            CallbackRefused: there are none, or one is not allowed.
        """
        found = [unwrapped(ip_address(address)) for address in addresses]
        if not found:
            raise CallbackRefused("The host has no address.")
        for address in found:
            allowed = any(address in network for network in self._networks)
            if not allowed and not is_public(address):
                raise CallbackRefused("The host is not a public address.")
            if not allowed and url.scheme == "http":
                raise CallbackRefused("It must begin with https://.")
        return [str(address) for address in found]


def _read(text: str) -> CallbackUrl:
    for complaint in _complaints(text):
        raise CallbackRefused(complaint)
    whole = _URL.fullmatch(text)
    if whole is None:
        raise CallbackRefused("It is not an absolute https:// URL.")
    scheme = cast('Literal["http", "https"]', whole[1].lower())
    authority = _AUTHORITY.fullmatch(whole[2])
    if authority is None:
        raise CallbackRefused("It has no host, or an invalid one.")
    port = int(authority[2] or _DEFAULT_PORTS[scheme])
    if not 1 <= port <= _HIGHEST_PORT:
        raise CallbackRefused("It has no valid TCP port.")
    target = f"{whole[3] or '/'}{whole[4] or ''}"
    if not _TARGET.fullmatch(target):
        raise CallbackRefused("Its path or query has characters that must be percent-encoded.")
    return CallbackUrl(scheme, _host(authority[1]), port, target)


def _complaints(text: str) -> Iterator[str]:
    if len(text) > MAX_URL_LENGTH:
        yield f"It has more than {MAX_URL_LENGTH} characters."
    if not text.isprintable() or " " in text or "\\" in text:
        yield "It has spaces, backslashes or invisible characters."
    if "#" in text:
        yield "It has a fragment, which no server would see."
    if "@" in text.partition("://")[2].partition("/")[0].partition("?")[0]:
        yield "It has user information, which others could see."


def _host(text: str) -> str:
    if text.startswith("["):
        try:
            return str(unwrapped(IPv6Address(text[1:-1])))
        except ValueError as error:
            raise CallbackRefused("Its host is not an IPv6 address.") from error
    name = _in_ascii(text).removesuffix(".")
    labels = name.split(".")
    if len(name) > _MAX_HOST_LENGTH or not all(_LABEL.fullmatch(label) for label in labels):
        raise CallbackRefused("Its host is not a name or an address.")
    if not _NUMBER.fullmatch(labels[-1]):
        return name
    try:
        return str(IPv4Address(name))
    except ValueError as error:
        raise CallbackRefused(
            "Its host is a number; write an IPv4 address as 192.0.2.1."
        ) from error


def _in_ascii(host: str) -> str:
    if host.isascii():
        return host.lower()
    try:
        return (
            idna.encode(host[: _MAX_HOST_LENGTH + 1], uts46=True, std3_rules=True).decode().lower()
        )
    except idna.IDNAError as error:
        raise CallbackRefused("Its host is not an internationalised name.") from error


def _is_local(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")


def _matches(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
