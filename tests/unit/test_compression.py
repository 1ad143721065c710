"""Bodies are compressed as the client accepts."""

import gzip

import pytest
import zstandard

from callboard.api.compression import coding_for, compress

pytestmark = pytest.mark.check


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", None),
        ("identity", None),
        ("br", None),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, zstd;q=0.5", "gzip"),
        ("gzip;q=0", None),
        ("gzip;q=0.000, *", "zstd"),
        ("*", "zstd"),
        ("*;q=0", None),
        ("zstd;q=0, *;q=0.1", "gzip"),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("gzip ; q=0.8", "gzip"),
        ("gzip;q=x", None),
        ("gzip;q=1.1.1", None),
        (";;,,gzip", "gzip"),
        ("gzip;level=9", None),
    ],
)
def test_the_coding_is_the_one_that_the_client_prefers(accepted: str, coding: str | None) -> None:
    assert coding_for(accepted) == coding


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", None),
        ("*", None),
        ("identity;q=0, gzip", "gzip"),
        ("gzip, *;q=0", "gzip"),
        ("identity, gzip, *;q=0", None),
        ("identity;q=0", None),
    ],
)
def test_a_small_body_is_compressed_only_if_the_client_accepts_nothing_else(
    accepted: str, coding: str | None
) -> None:
    assert coding_for(accepted, small=True) == coding


def test_equal_bodies_have_equal_compressed_bytes() -> None:
    body = b"same" * 1000

    assert compress(body, "gzip") == compress(body, "gzip")
    assert gzip.decompress(compress(body, "gzip")) == body
    assert zstandard.decompress(compress(body, "zstd")) == body
