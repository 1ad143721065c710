"""Jobs are equal if their parameters have the same meaning, in any encoding."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import AfterValidator, BaseModel

from callboard import operation
from callboard.api.idempotency import idempotency_fields
from callboard.jobs.operation import Operation
from tests.odd_models import Broken, Chosen, Dated, Hidden, Loose

pytestmark = pytest.mark.check

FILE = "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77"


def fingerprint(declared: Operation, value: Any) -> str | None:
    return declared.submission("1", declared.validated({"value": value})).fingerprint


@pytest.mark.parametrize(
    ("hint", "one", "other"),
    [
        (float, 1, 1.0),
        (float, 0.0, -0.0),
        (list[float], [0], [-0.0]),
        (Decimal, "1.50", 1.5),
        (Decimal, "-0", 0),
        (Decimal, "1E+2", 100),
        (set[str], ["a", "b", "c"], ["c", "b", "a", "a"]),
        (dict[str, int], {"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (datetime, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00+00:00"),
        (UUID, FILE, FILE.upper()),
        (Any, {"x": -0.0}, {"x": 0.0}),
        (Hidden, {}, {"shown": 1, "secret": 7}),
        (Chosen, {"src": "a"}, {"source": "a"}),
        (Broken, {"n": 1}, {"n": 1.0}),
    ],
)
def test_equal_values_have_equal_fingerprints(hint: Any, one: Any, other: Any) -> None:
    def same(value: Any) -> None:
        del value

    same.__annotations__["value"] = hint
    declared = operation(unique=True)(same)

    assert fingerprint(declared, one) == fingerprint(declared, other)


@pytest.mark.parametrize(
    ("hint", "one", "other"),
    [
        (Hidden, {"secret": 1}, {"secret": 2}),
        (Dated, {"when": "2026-03-04T05:06:07Z"}, {"when": "2026-03-04T05:06:08Z"}),
        (Broken, {"n": 1}, {"n": 2}),
        (Decimal, "100", "10"),
        (Loose, {"width": 1, "more": 1}, {"width": 1, "more": 2}),
    ],
)
def test_different_values_have_different_fingerprints(hint: Any, one: Any, other: Any) -> None:
    def same(value: Any) -> None:
        del value

    same.__annotations__["value"] = hint
    declared = operation(unique=True)(same)

    assert fingerprint(declared, one) != fingerprint(declared, other)


def test_an_unknown_kind_is_compared_as_it_was_sent() -> None:
    class Opaque:
        def __init__(self, word: str) -> None:
            self.word = word

    @operation(unique=True)
    def look(value: Annotated[Any, AfterValidator(Opaque)]) -> str:
        word: str = value.word
        return word

    assert fingerprint(look, "a") == fingerprint(look, "a") != fingerprint(look, "b")


def test_a_repeat_with_another_representation_of_null_is_a_repeat() -> None:
    one, other = ({"params": {"x": [zero, "-0.0"]}} for zero in (0.0, -0.0))

    assert idempotency_fields("k", one) == idempotency_fields("k", other)


def test_ordinary_parameters_keep_the_fingerprints_of_earlier_versions() -> None:
    class Inner(BaseModel):
        n: int
        at: datetime

    @operation(unique=True)
    def work(inner: Inner, share: float, names: list[str], cost: Decimal) -> None:
        del inner, share, names, cost

    sent = {
        "inner": {"n": 1, "at": "2026-03-04T05:06:07Z"},
        "share": 1,
        "names": ["a", "é"],
        "cost": "1.5",
    }

    # The hash of `json.dumps` of pydantic's dump, with sorted keys: two versions side by side in
    # a deploy recognise the same duplicates.
    assert (
        work.submission("1", work.validated(sent)).fingerprint == "e479d61c42e1de450246e29469db3dbc"
    )
