"""Absolute addresses, as the client sees this server."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import quote, urlencode

import falcon

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+){1,8}")
_SCHEMES: Final = ("http", "https")


@dataclass(frozen=True, slots=True)
class Urls:
    """Spells every address below one base.

    Attributes:
        base: scheme, host and perhaps a path, with no slash at its end.
    """

    base: str

    def jobs(self) -> str:
        """Give the address where jobs are submitted."""
        return f"{self.base}/v1/jobs"

    def job(self, job_id: str) -> str:
        """Give the address of one job."""
        return f"{self.base}/v1/jobs/{job_id}"

    def result(self, job_id: str) -> str:
        """Give the address of one job's result."""
        return f"{self.base}/v1/jobs/{job_id}/result"

    def events(self, job_id: str) -> str:
        """Give the address of one job's event stream."""
        return f"{self.base}/v1/jobs/{job_id}/events"

    def log(self, job_id: str) -> str:
        """Give the address of one job's log."""
        return f"{self.base}/v1/jobs/{job_id}/log"

    def cancel(self, job_id: str) -> str:
        """Give the address where one job is cancelled in two steps."""
        return f"{self.base}/v1/jobs/{job_id}/cancel"

    def retry(self, job_id: str) -> str:
        """Give the address where a new job is made from one."""
        return f"{self.base}/v1/jobs/{job_id}/retry"

    def job_callbacks(self, job_id: str) -> str:
        """Give the address of what is delivered of one job."""
        return f"{self.base}/v1/jobs/{job_id}/callbacks"

    def batches(self) -> str:
        """Give the address where batches are submitted."""
        return f"{self.base}/v1/batches"

    def batch(self, batch_id: str) -> str:
        """Give the address of one batch."""
        return f"{self.base}/v1/batches/{batch_id}"

    def batch_callbacks(self, batch_id: str) -> str:
        """Give the address of what is delivered of one batch."""
        return f"{self.base}/v1/batches/{batch_id}/callbacks"

    def operations(self) -> str:
        """Give the address of what can be run."""
        return f"{self.base}/v1/operations"

    def operation(self, name: str) -> str:
        """Give the address of one operation."""
        return f"{self.base}/v1/operations/{name}"

    def schedule(self, name: str) -> str:
        """Give the address of one schedule."""
        return f"{self.base}/v1/schedules/{name}"

    def files(self) -> str:
        """Give the address of all files."""
        return f"{self.base}/v1/files"

    def file(self, file_id: str) -> str:
        """Give the address of one file."""
        return f"{self.base}/v1/files/{file_id}"

    def file_content(self, file_id: str) -> str:
        """Give the address of one file's bytes."""
        return f"{self.base}/v1/files/{file_id}/content"

    def problem(self, slug: str) -> str:
        """Give the address that explains a type of problem."""
        return f"{self.base}/problems/{slug}"


def with_query(address: str, parameters: Mapping[str, str]) -> str:
    """Add query parameters to an address."""
    return f"{address}?{urlencode(parameters, quote_via=quote)}"


class Addresses:
    """Finds out by which address a client reached this server.

    Args:
        trusted_proxies: addresses and networks whose `X-Forwarded-*` are believed.
    """

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        networks = [ip_network(text, strict=False) for text in trusted_proxies]

        @lru_cache(maxsize=1024)
        def trusts(address: str) -> bool:
            try:
                peer = ip_address(address)
            except ValueError:
                return False
            return any(peer in network for network in networks)

        self._trusts: Final = trusts if networks else lambda _address: False

    def of(self, req: falcon.Request) -> Urls:
        """Give the addresses to use in the answer to a request; one that is malformed is not used.

        Of several forwarded values the last counts, which the nearest proxy wrote.
        """
        scheme, host, prefix = req.scheme, req.netloc, req.root_path
        if self._trusts(req.remote_addr):
            forwarded = _last(req, "X-Forwarded-Proto").lower()
            scheme = forwarded if forwarded in _SCHEMES else scheme
            forwarded = _last(req, "X-Forwarded-Host")
            host = forwarded if _HOST.fullmatch(forwarded) else host
            forwarded = _last(req, "X-Forwarded-Prefix").rstrip("/")
            prefix = forwarded if _PREFIX.fullmatch(forwarded) else prefix
        if not _HOST.fullmatch(host):
            host = f"{req.env['SERVER_NAME']}:{req.env['SERVER_PORT']}"
        return Urls(f"{scheme}://{host}{prefix}")


def _last(req: falcon.Request, name: str) -> str:
    return (req.get_header(name) or "").rpartition(",")[2].strip()
