"""Absolute URLs, as the client sees this server."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import falcon

from callboard.config.values import is_loopback

HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+){1,8}")
_SCHEMES: Final = ("http", "https")


@dataclass(frozen=True, slots=True)
class Urls:
    """Builds every URL below one base.

    Attributes:
        base: scheme, host and perhaps a path, with no slash at its end.
    """

    base: str

    def jobs(self) -> str:
        """Return the address where jobs are submitted."""
        return f"{self.base}/v1/jobs"

    def job(self, job_id: str) -> str:
        """Return the address of one job."""
        return f"{self.base}/v1/jobs/{job_id}"

    def archive(self, job_id: str) -> str:
        """Return the address of the archive of the files of one job's result."""
        return f"{self.base}/v1/jobs/{job_id}/archive"

    def result(self, job_id: str) -> str:
        """Return the address of one job's result."""
        return f"{self.base}/v1/jobs/{job_id}/result"

    def events(self, job_id: str) -> str:
        """Return the address of one job's event stream."""
        return f"{self.base}/v1/jobs/{job_id}/events"

    def log(self, job_id: str) -> str:
        """Return the address of one job's log."""
        return f"{self.base}/v1/jobs/{job_id}/log"

    def cancel(self, job_id: str) -> str:
        """Return the address where one job is cancelled in two steps."""
        return f"{self.base}/v1/jobs/{job_id}/cancel"

    def retry(self, job_id: str) -> str:
        """Return the address where a new job is made from one."""
        return f"{self.base}/v1/jobs/{job_id}/retry"

    def job_callbacks(self, job_id: str) -> str:
        """Return the address of what is delivered of one job."""
        return f"{self.base}/v1/jobs/{job_id}/callbacks"

    def batches(self) -> str:
        """Return the address where batches are submitted."""
        return f"{self.base}/v1/batches"

    def batch(self, batch_id: str) -> str:
        """Return the address of one batch."""
        return f"{self.base}/v1/batches/{batch_id}"

    def batch_callbacks(self, batch_id: str) -> str:
        """Return the address of what is delivered of one batch."""
        return f"{self.base}/v1/batches/{batch_id}/callbacks"

    def operations(self) -> str:
        """Return the address of what can be run."""
        return f"{self.base}/v1/operations"

    def operation(self, name: str) -> str:
        """Return the address of one operation."""
        return f"{self.base}/v1/operations/{name}"

    def schedule(self, name: str) -> str:
        """Return the address of one schedule."""
        return f"{self.base}/v1/schedules/{name}"

    def files(self) -> str:
        """Return the address of all files."""
        return f"{self.base}/v1/files"

    def file(self, file_id: str) -> str:
        """Return the address of one file."""
        return f"{self.base}/v1/files/{file_id}"

    def file_content(self, file_id: str) -> str:
        """Return the address of one file's bytes."""
        return f"{self.base}/v1/files/{file_id}/content"

    def problem(self, slug: str) -> str:
        """Return the address that explains a type of problem."""
        return f"{self.base}/problems/{slug}"


def with_query(address: str, parameters: Mapping[str, str]) -> str:
    """Add query parameters to an address."""
    return f"{address}?{urlencode(parameters, quote_via=quote)}"


class Addresses:
    """Determines the URL by which a client reached this server.

    Args:
        trusted_proxies: addresses and networks whose `X-Forwarded-*` are believed.
        public_url: the base of all addresses, whatever requests say; None to go by those.
    """

    def __init__(self, trusted_proxies: Sequence[str], public_url: str | None = None) -> None:
        self._public: Final = None if public_url is None else Urls(public_url)
        self.own_name: Final = (urlsplit(public_url or "").hostname or "").lower()
        networks = [ip_network(text, strict=False) for text in trusted_proxies]

        @lru_cache(maxsize=1024)
        def trusts(address: str) -> bool:
            try:
                peer = ip_address(address)
            except ValueError:
                return False
            return any(peer in network for network in networks)

        self._is_loopback: Final = lru_cache(maxsize=1024)(is_loopback)
        self._trusts: Final = trusts if networks else lambda _address: False

    def of(self, req: falcon.Request) -> Urls:
        """Return the URLs for the response to a request; malformed headers are ignored.

        Of several forwarded values the last counts, which the nearest proxy wrote.
        """
        if self._public is not None:
            return self._public
        scheme, host, prefix = req.scheme, req.netloc, req.root_path
        if self._trusts(req.remote_addr):
            forwarded = _last(req, "X-Forwarded-Proto").lower()
            scheme = forwarded if forwarded in _SCHEMES else scheme
            host = self.host_of(req)
            forwarded = _last(req, "X-Forwarded-Prefix").rstrip("/")
            prefix = forwarded if _PREFIX.fullmatch(forwarded) else prefix
        if not HOST.fullmatch(host):
            host = f"{req.env['SERVER_NAME']}:{req.env['SERVER_PORT']}"
        return Urls(f"{scheme}://{host}{prefix}")

    def host_of(self, req: falcon.Request) -> str:
        """Return the host that a client named, perhaps with a port."""
        if self._trusts(req.remote_addr):
            forwarded = _last(req, "X-Forwarded-Host")
            if HOST.fullmatch(forwarded):
                return forwarded
        return str(req.netloc)

    def peer_of(self, req: falcon.Request) -> str:
        """Return the address that a request came from; of a trusted proxy, the one that it names.

        A loopback address is omitted: it may be that of a proxy that the settings do not name.
        """
        peer = str(req.remote_addr)
        if self._trusts(peer):
            peer = _last(req, "X-Forwarded-For") or peer
        return "" if self._is_loopback(peer) else peer


def _last(req: falcon.Request, name: str) -> str:
    return (req.get_header(name) or "").rpartition(",")[2].strip()
