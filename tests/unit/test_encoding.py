"""The wire format of messages."""

from datetime import UTC, datetime
from typing import Any

import msgpack
import pytest
from dramatiq.errors import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.encoding import MsgpackEncoder

WHOLE_NUMBERS = st.integers(min_value=-(2**63), max_value=2**64 - 1)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | WHOLE_NUMBERS
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def message(**changed: Any) -> dict[str, Any]:
    fields = {
        "queue_name": "default",
        "actor_name": "clustering",
        "args": (),
        "kwargs": {"genes": ["BRCA1"]},
        "options": {"tenant": "lab"},
        "message_id": "0199",
        "message_timestamp": 1_760_000_000_000,
    }
    return fields | changed


@given(parameters=st.dictionaries(st.text(), VALUES), options=st.dictionaries(st.text(), VALUES))
def test_json_values_and_bytes_round_trip(
    parameters: dict[str, Any], options: dict[str, Any]
) -> None:
    sent = message(kwargs=parameters, options=options)

    received = MsgpackEncoder().decode(MsgpackEncoder().encode(sent))

    assert received == sent | {"args": []}


@given(data=st.binary())
def test_arbitrary_bytes_are_a_message_or_a_decode_error(data: bytes) -> None:
    with pytest.raises(DecodeError):
        MsgpackEncoder().decode(data)


@pytest.mark.parametrize(
    "flawed",
    [
        pytest.param(message(kwargs=[]), id="parameters without names"),
        pytest.param(message(options=None), id="no options"),
        pytest.param(message(queue_name=1), id="a queue named by a number"),
        pytest.param(message(message_timestamp="now"), id="a time in words"),
        pytest.param(message(stranger=1), id="a field too many"),
        pytest.param({"queue_name": "default"}, id="fields too few"),
        pytest.param(message(kwargs={b"genes": 1}), id="a parameter named by bytes"),
        pytest.param([1, 2], id="a list"),
    ],
)
def test_an_invalid_message_is_a_decode_error(flawed: Any) -> None:
    with pytest.raises(DecodeError):
        MsgpackEncoder().decode(msgpack.packb(flawed))


def test_a_nested_map_with_other_keys_than_text_is_a_decode_error() -> None:
    packed = msgpack.packb(message(kwargs={"genes": {1: 2}}))

    with pytest.raises(DecodeError):
        MsgpackEncoder().decode(packed)


def test_bytes_after_the_message_are_a_decode_error() -> None:
    packed = MsgpackEncoder().encode(message())

    with pytest.raises(DecodeError):
        MsgpackEncoder().decode(packed + b"\x00")


def test_a_value_without_a_wire_format_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        MsgpackEncoder().encode(message(kwargs={"since": datetime.now(UTC)}))
