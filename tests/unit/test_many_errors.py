"""Of many errors a few are reported, or their number: never all of them."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from callboard import operation
from callboard.api.parsing import parse_json
from callboard.jobs.errors import InvalidParameters
from callboard.jobs.files.accepts import Accepts
from callboard.jobs.files.check import check_files
from callboard.jobs.files.parameters import FileUse
from callboard.jobs.schedules.schedule import Schedule, sentences

pytestmark = pytest.mark.check


@operation()
def add(values: list[int]) -> int:
    return sum(values)


@operation()
def pay(amounts: list[Decimal]) -> None:
    """Accept decimals."""


def errors_of(call: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidParameters) as raised:
        call()
    return list(raised.value.errors)


@pytest.mark.parametrize(("wrong", "told"), [(1000, 1000), (1001, 50), (100_000, 50)])
def test_of_more_than_a_thousand_errors_the_first_fifty_are_reported(wrong: int, told: int) -> None:
    found = errors_of(lambda: add.validated({"values": ["a"] * wrong}))

    assert [pointer for pointer, _ in found] == [f"/values/{index}" for index in range(told)]


def test_of_errors_in_the_whole_value_the_number_is_reported() -> None:
    found = errors_of(lambda: add.validated({"values": [1] * 50 + ["a"] * 1001}))

    assert found == [("", "has 1001 errors")]


@pytest.mark.parametrize(("wrong", "told"), [(1000, 1000), (1001, 1)])
def test_of_many_inexact_numbers_the_number_is_reported(wrong: int, told: int) -> None:
    amounts = parse_json(b"[%s]" % b",".join([b"0.1000000000000000055511151231257827"] * wrong))

    found = errors_of(lambda: pay.validated({"amounts": amounts}))

    assert len(found) == told
    assert told > 1 or found == [("", "has 1001 errors")]


@pytest.mark.parametrize(("wrong", "told"), [(1000, 1000), (1001, 1)])
def test_of_many_missing_files_the_number_is_reported(wrong: int, told: int) -> None:
    uses = [FileUse(f"/pages/{index}", "file-1", Accepts()) for index in range(wrong)]

    found = errors_of(lambda: check_files(uses, lambda ids: [None] * len(ids)))

    assert len(found) == told
    assert told > 1 or found == [("", "has 1001 errors")]


def test_of_many_schedule_errors_the_number_is_reported() -> None:
    unknown = {f"unknown{number}": 1 for number in range(1001)}
    with pytest.raises(ValidationError) as raised:
        Schedule.model_validate(unknown)

    assert sentences(raised.value) == [("", f"has {raised.value.error_count()} errors")]
    assert raised.value.error_count() > 1000
