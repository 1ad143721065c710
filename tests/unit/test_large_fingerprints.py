"""A large body keeps its fingerprint, and computing it delays no request."""

import hashlib
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from itertools import chain
from typing import Any, Final, TypeVar

import pytest
from falcon import testing
from hypothesis import given
from hypothesis import strategies as st

from callboard.api.app import create_app
from callboard.jobs.fingerprint import fingerprint, written_pieces
from tests.api_app import ApiApp

pytestmark = pytest.mark.check

T = TypeVar("T")
MAX_VALUES: Final = 1024
MANY: Final = 20_000

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=50
)


def _whole(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@given(values)
def test_the_pieces_together_equal_one_encoding(value: Any) -> None:
    whole = _whole(value)

    if "-0.0" not in whole:
        assert "".join(written_pieces(value)) == whole


@pytest.mark.parametrize(
    "value",
    [
        [*range(5000), {"a": 1}, [], *range(3000), {}],
        {
            f"{n * 7919 % 10_007:x}": n if n % 50 else [n, {"z": 1, "b": "-0.0"}]
            for n in range(9999)
        },
        [{"b": 0.5, "a": None}] * 5000,
        ["-0.0", -0.05],
    ],
    ids=["a list", "an object", "objects", "texts"],
)
def test_large_values_keep_the_fingerprint_of_earlier_versions(value: Any) -> None:
    expected = hashlib.sha256(_whole(value).encode()).hexdigest()[:32]

    assert fingerprint(value) == expected


@pytest.mark.parametrize(
    "value",
    [[1.5e-300] * MANY, {f"{n:x}": 0 for n in range(MANY)}, [{"": n} for n in range(MANY)]],
    ids=["numbers", "members", "objects"],
)
def test_every_piece_has_a_bounded_number_of_values(value: Any) -> None:
    longest = max(piece.count(",") for piece in written_pieces(value))

    assert longest <= MAX_VALUES


@pytest.mark.parametrize(
    ("path", "wrap"),
    [
        ("/v1/jobs", lambda value: {"operation": "echo", "params": {"value": value}}),
        ("/v1/operations/echo", lambda value: {"value": value}),
        (
            "/v1/batches",
            lambda value: {"items": [{"operation": "echo", "params": {"value": value}}]},
        ),
    ],
    ids=["a job", "a job of an operation", "a batch"],
)
def test_a_large_body_with_a_key_does_not_block_requests(
    path: str, wrap: Callable[[Any], Any]
) -> None:
    done: list[Any] = []

    def beside(call: Callable[[], T], /) -> T:
        found = call()
        done.append(found)
        return found

    with closing(ApiApp()) as api_app:
        http = testing.TestClient(create_app(replace(api_app.services, compute=beside)))
        answer = http.simulate_post(
            path, json=wrap([1] * 20_000), headers={"Idempotency-Key": "once"}
        )

    read, *rest = done
    digests = chain.from_iterable(each if isinstance(each, list) else [each] for each in rest)
    assert answer.status_code == 202, answer.text
    assert read == wrap([1] * 20_000)
    assert [len(each) for each in digests] == [32]
