"""Encode parameters and results for Redis: msgpack, compressed when that pays."""

from typing import Any, Final

import msgpack
import zstandard

COMPRESS_ABOVE_BYTES: Final = 1024
MAX_DECODED_BYTES: Final = 1 << 30

_PLAIN: Final = b"\x00"
_ZSTANDARD: Final = b"\x01"


def encode(value: Any) -> tuple[bytes, int]:
    """Encode JSON-like data.

    Returns:
        What is stored, and its size in bytes before compression.

    Raises:
        TypeError: something in it is not JSON-like.
        ValueError: a number is out of range, or the nesting is too deep.
    """
    plain: bytes = msgpack.packb(value, use_bin_type=True)
    if len(plain) > COMPRESS_ABOVE_BYTES:
        compressed = zstandard.compress(plain)
        if len(compressed) < len(plain):
            return _ZSTANDARD + compressed, len(plain)
    return _PLAIN + plain, len(plain)


def cut(text: str, most: int, *, end: bool = False) -> str:
    """Return at most so many characters of a text, from its beginning or its end, as plain text.

    Args:
        text: also of a class that behaves in a way of its own.
        most: characters.
        end: give the last ones.
    """
    part = slice(-most, None) if end else slice(most)
    return readable(str.__getitem__(text, part))


def readable(text: str) -> str:
    """Return text that UTF-8 can carry: half a character, as in odd file names, is escaped."""
    return str.encode(text, "utf-8", "backslashreplace").decode("utf-8")


def decode(stored: bytes) -> Any:
    """Undo `encode`.

    Raises:
        ValueError: these bytes were not made by `encode`.
    """
    kind, body = stored[:1], stored[1:]
    if kind == _ZSTANDARD:
        try:
            body = zstandard.decompress(body, max_output_size=MAX_DECODED_BYTES)
        except zstandard.ZstdError as error:
            raise ValueError("damaged data") from error
    elif kind != _PLAIN:
        raise ValueError("unknown encoding")
    return msgpack.unpackb(body, raw=False, strict_map_key=False)
