"""Compresses bodies as the client accepts (RFC 9110, section 12.5.3)."""

import gzip
import re
from functools import lru_cache
from typing import Final

import zstandard

COMPRESS_ABOVE_BYTES: Final = 1024
CODINGS: Final = ("zstd", "gzip")
"""The supported codings, the preferred one first."""

_GZIP_LEVEL: Final = 6
_MEMBER: Final = re.compile(r"([A-Za-z0-9*!#$%&'+.^_`|~-]+)[ \t]*(?:;[ \t]*[qQ]=([0-9.]{1,5}))?")
_MAX_MEMBERS: Final = 50


@lru_cache(maxsize=256)
def coding_for(accept_encoding: str, *, small: bool = False) -> str | None:
    """Return the supported coding that the client prefers; None for no compression.

    Args:
        accept_encoding: the header's value; malformed parts are skipped.
        small: compress only for a client that accepts nothing else.
    """
    weights: dict[str, float] = {}
    for member in accept_encoding.split(",")[:_MAX_MEMBERS]:
        match = _MEMBER.fullmatch(member.strip())
        if match is not None:
            weights[match[1].lower()] = _weight(match[2])
    fallback = weights.get("*", 0.0)
    known = {coding: weights.get(coding, fallback) for coding in CODINGS}
    best = max(CODINGS, key=lambda coding: known[coding])
    if small and weights.get("identity", weights.get("*", 1.0)) > 0:
        return None
    return best if known[best] > 0 and known[best] >= weights.get("identity", 0.0) else None


def compress(body: bytes, coding: str) -> bytes:
    """Compress; equal bytes give equal bytes.

    Args:
        body: what to compress.
        coding: one of `CODINGS`.
    """
    if coding == "gzip":
        return gzip.compress(body, compresslevel=_GZIP_LEVEL, mtime=0)
    return zstandard.compress(body)


def _weight(text: str | None) -> float:
    try:
        return 1.0 if text is None else min(1.0, float(text))
    except ValueError:
        return 0.0
