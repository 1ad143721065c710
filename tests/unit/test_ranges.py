"""The part of a body that a `Range` header requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.api.files.ranges import Part, UnsatisfiableRange, part_of

pytestmark = pytest.mark.check

SIZE = 10


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", Part(0, 1)),
        ("bytes=0-", Part(0, 10)),
        ("bytes=3-5", Part(3, 3)),
        ("bytes=3-", Part(3, 7)),
        ("bytes=9-9", Part(9, 1)),
        ("bytes=9-99999999999999999999999999", Part(9, 1)),
        ("bytes=-1", Part(9, 1)),
        ("bytes=-10", Part(0, 10)),
        ("bytes=-11", Part(0, 10)),
        ("bytes=-99999999999999999999999999", Part(0, 10)),
        ("bytes=00000000000000000000000003-5", Part(3, 3)),
        ("BYTES=1-2", Part(1, 2)),
        ("bytes= 1-2 ", Part(1, 2)),
    ],
)
def test_one_range_returns_one_part(asked: str, part: Part) -> None:
    assert part_of(asked, SIZE) == part


@pytest.mark.parametrize(
    "asked",
    [
        None, "", "bytes", "bytes=", "bytes=-", "bytes=5-3", "bytes=a-b", "bytes=1", "bytes=1-2-3",
        "bytes=0-1,3-4", "bytes=0-0,-1", "bytes=,", "lines=0-1", "bytes 0-1", "bytes=+1-2",
        "bytes=1-+2", "bytes=\u0661-\u0662", "bytes=0x1-2", "bytes=--1", " bytes=0-1;",
    ],
)  # fmt: skip
def test_anything_but_one_range_returns_the_whole(asked: str | None) -> None:
    assert part_of(asked, SIZE) is None


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ("bytes=10-", 10), ("bytes=10-11", 10), ("bytes=99999999999999999999999-", 10),
        ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=0-0", 0), ("bytes=-0", 0),
    ],
)  # fmt: skip
def test_a_range_beyond_the_end_is_unsatisfiable(asked: str, size: int) -> None:
    with pytest.raises(UnsatisfiableRange):
        part_of(asked, size)


def test_a_suffix_range_of_an_empty_body_is_all_of_it() -> None:
    assert part_of("bytes=-5", 0) is None


@given(st.text("bytes=0123456789-, \t", max_size=30), st.integers(0, 1000))
def test_a_part_never_exceeds_the_body(asked: str, size: int) -> None:
    try:
        part = part_of(asked, size)
    except UnsatisfiableRange:
        return

    assert part is None or (part.length >= 1 and 0 <= part.start <= size - part.length)
