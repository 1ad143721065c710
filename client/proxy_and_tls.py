"""The way to a server: through a proxy of the environment or not, and over TLS."""

import ssl
from urllib.request import getproxies, proxy_bypass

import httpx


def proxy_for(url: httpx.URL) -> str | None:
    """Name the proxy that requests go through, by the environment; without its password."""
    found = getproxies()
    proxy = found.get(url.scheme) or found.get("all")
    if not proxy or proxy_bypass(url.host):
        return None
    scheme, _, rest = proxy.rpartition("://")
    return f"{scheme or 'http'}://{rest.rpartition('@')[2]}"


def by_proxy(url: httpx.URL) -> str:
    """Say through which proxy requests go, for the middle of a sentence; empty without one."""
    proxy = proxy_for(url)
    return "" if proxy is None else f" through the proxy {proxy} (NO_PROXY={url.host} bypasses it)"


def tls_fault(error: BaseException) -> str | None:
    """Return what is wrong with a server's certificate or TLS; None for other errors."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"its certificate is not trusted ({_reason_of(cause)}); set SSL_CERT_FILE to a "
                "file of additional authorities"
            )
        if isinstance(cause, ssl.SSLError) and "WRONG_VERSION" in str(cause.reason):
            return "it does not use TLS there; try a URL that starts with http://"
        cause = cause.__cause__ or cause.__context__
    return None


def _reason_of(error: ssl.SSLCertVerificationError) -> str:
    # Only those that OpenSSL itself found have this.
    return str(getattr(error, "verify_message", "") or type(error).__name__)
