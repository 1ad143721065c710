"""The values in a body are counted before they are parsed."""

import json
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.api.parsing import Malformed
from callboard.api.scanning import Bounds, TooMuch, scan_json, scan_msgpack

pytestmark = pytest.mark.check

MANY = Bounds(values=1_000_000, containers=1_000_000, depth=1000)
FEW = Bounds(values=1000, containers=500, depth=32)

TOO_MUCH_MSGPACK = {
    "lists that claim all of it": (b"\xdd\x00\x00\xff\xff" * 20) + b"\x01" * 0x100000,
    "empty maps": b"\xdd\x00\x10\x00\x00" + b"\x80" * 0x100000,
    "empty lists": b"\xdd\x00\x10\x00\x00" + b"\x90" * 0x100000,
    "numbers": b"\xdd\x00\x10\x00\x00" + b"\x01" * 0x100000,
    "a map of numbers": b"\xdf\x00\x08\x00\x00" + b"\x01" * 0x100000,
}
MALFORMED_MSGPACK = {
    "a list that claims 2^32-1": b"\xdd\xff\xff\xff\xff",
    "maps within maps": b"\x81\xa0" * 1000,
    "lists within lists": b"\x91" * 1000,
}
TOO_MUCH_JSON = {
    "numbers": b"[" + b"1," * 1100 + b"1]",
    "empty objects": b"[" + b"{}," * 600 + b"{}]",
    "members": b"{" + b'"":1,' * 600 + b'"":1}',
    "texts": b"[" + b'"\\"",' * 1200 + b'""]',
    "objects within objects": b'{"":' * 700,
    "texts of brackets, and then brackets": b'["' + b"[" * 70_000 + b'"' + b",[]" * 600 + b"]",
}


@pytest.mark.parametrize("body", TOO_MUCH_MSGPACK.values(), ids=TOO_MUCH_MSGPACK)
def test_too_many_values_in_msgpack_are_refused(body: bytes) -> None:
    with pytest.raises(TooMuch):
        scan_msgpack(body, Bounds.of(1024**2, depth=32))


@pytest.mark.parametrize("body", MALFORMED_MSGPACK.values(), ids=MALFORMED_MSGPACK)
def test_msgpack_that_declares_more_than_it_contains_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        scan_msgpack(body, FEW)


@pytest.mark.parametrize("body", TOO_MUCH_JSON.values(), ids=TOO_MUCH_JSON)
def test_too_many_values_in_json_are_refused(body: bytes) -> None:
    with pytest.raises(TooMuch):
        scan_json(body, FEW)


def test_characters_within_strings_do_not_count() -> None:
    text = '[{,:"\\' * 200_000

    scan_json(json.dumps([text, {"a": text}]).encode(), FEW)
    scan_msgpack(msgpack.packb([text, {"a": text.encode()}]), FEW)


DATA = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.text(min_size=300, max_size=400),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(), inner, max_size=20),
    max_leaves=60,
)


def _counted(value: Any) -> tuple[int, int]:
    """Count values and containers of what was parsed."""
    if isinstance(value, dict):
        inner = [_counted(each) for each in value.values()]
        return 1 + len(value) + sum(v for v, _ in inner), 1 + sum(c for _, c in inner)
    if isinstance(value, list):
        inner = [_counted(each) for each in value]
        return 1 + sum(v for v, _ in inner), 1 + sum(c for _, c in inner)
    return 1, 0


@given(DATA)
def test_msgpack_is_counted_exactly(value: Any) -> None:
    body = msgpack.packb(value)
    values, containers = _counted(value)

    scan_msgpack(body, Bounds(values=values, containers=containers, depth=1000))
    if containers:
        with pytest.raises(TooMuch):
            scan_msgpack(body, Bounds(values=values - 1, containers=containers, depth=1000))
        with pytest.raises(TooMuch):
            scan_msgpack(body, Bounds(values=values, containers=containers - 1, depth=1000))


@given(DATA, st.sampled_from([None, 1]))
def test_json_up_to_the_maximum_of_values_is_accepted(value: Any, indent: int | None) -> None:
    values, containers = _counted(value)
    body = json.dumps(value, ensure_ascii=False, indent=indent).encode("utf-8", "surrogatepass")

    scan_json(body, Bounds(values=values, containers=containers, depth=1000))


@pytest.mark.parametrize("cut", [1, 100, 1000])
def test_truncated_data_is_left_to_the_parser(cut: int) -> None:
    value = [{"a": "x" * 50, "b": [1, 2.5, None, True]}] * 100

    scan_json(json.dumps(value).encode()[:-cut], MANY)
    scan_msgpack(msgpack.packb(value)[:-cut], MANY)
