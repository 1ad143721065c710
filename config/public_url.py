"""The public URL, by which clients reach the web server."""

import re
from typing import Annotated

from pydantic import BeforeValidator

_PUBLIC_URL = re.compile(
    r"(?i:https?)://(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
    r"(?:/[A-Za-z0-9._~-]+){0,8}"
)


def _public_url(value: object) -> object:
    if not isinstance(value, str):
        return value
    url = value.rstrip("/")
    if not _PUBLIC_URL.fullmatch(url):
        raise ValueError(
            f"{value!r} is not a URL such as https://jobs.example.com or https://example.com/jobs"
        )
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}://{host.lower()}{slash}{path}"


PublicUrl = Annotated[str, BeforeValidator(_public_url)]
