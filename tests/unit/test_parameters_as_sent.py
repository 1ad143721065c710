"""Parameters are stored as sent, and read alike in every attempt."""

import dataclasses
import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Json,
)

from callboard import File, operation
from callboard.jobs.errors import InvalidParameters
from tests.odd_models import (
    Box,
    Broken,
    Cat,
    Chosen,
    Colour,
    Dated,
    Dog,
    Hidden,
    Loose,
    Point,
    Renamed,
    Wrapped,
)

pytestmark = pytest.mark.check

FILE = "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77"


def offset(value: Annotated[int, BeforeValidator(lambda v: v * 60)]) -> Any:
    return value


def percent(value: Annotated[float, AfterValidator(lambda v: v / 100)]) -> Any:
    return value


def pages(
    value: Annotated[list[int], BeforeValidator(lambda v: [int(p) for p in v.split(",")])],
) -> Any:
    return value


def computed(value: Box) -> Any:
    return value.area


def computed_loose(value: Loose) -> Any:
    return value.model_extra, value.double


def renamed(value: Renamed) -> Any:
    return value.source


def chosen(value: Chosen) -> Any:
    return value.source


def shown_otherwise(value: Dated) -> Any:
    return value.when


def hidden(value: Hidden) -> Any:
    return value.secret


def broken(value: Broken) -> Any:
    return value.n


def text_of_json(value: Json[list[int]]) -> Any:
    return value


def pet(value: Annotated[Cat | Dog, Field(discriminator="kind")]) -> Any:
    return type(value).__name__


def point(value: Point) -> Any:
    return value.x, value.y


def coloured(value: dict[Colour, Decimal]) -> Any:
    return value


def wrapped(value: Wrapped) -> Any:
    return value.root


def many(value: set[int]) -> Any:
    return value


AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
CASES: list[tuple[Any, Any, Any]] = [
    (offset, 2, 120),
    (percent, 50, 0.5),
    (pages, "1,2", [1, 2]),
    (computed, {"width": 2, "height": 3}, 6.0),
    (computed_loose, {"width": 2}, ({}, 4.0)),
    (renamed, {"src": "a"}, "a"),
    (chosen, {"source": "a"}, "a"),
    (shown_otherwise, {"when": "2026-03-04T05:06:07Z"}, AT),
    (hidden, {"secret": 3}, 3),
    (broken, {"n": 3}, 3),
    (text_of_json, "[1, 2]", [1, 2]),
    (pet, {"kind": "dog"}, "Dog"),
    (point, {"x": 1}, (1, 0)),
    (coloured, {"red": "1.50"}, {Colour.RED: Decimal("1.50")}),
    (wrapped, [1, 2], [1, 2]),
    (many, [2, 1, 2], {1, 2}),
]


@pytest.mark.parametrize(("function", "sent", "right"), CASES)
def test_every_attempt_gets_the_parameters_as_sent(function: Any, sent: Any, right: Any) -> None:
    declared = operation(unique=True)(function)

    first = declared.submission("1", declared.validated({"value": sent}))
    by_hand = declared.submission("2", declared.validated(dict(first.params)))

    assert first.params == by_hand.params == {"value": sent}
    for params in (first.params, first.params, by_hand.params):
        assert function(**declared.parameters.arguments(params)) == right
    assert first.fingerprint == by_hand.fingerprint


class Ticket(BaseModel):
    number: UUID = Field(default_factory=uuid4)
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    seats: list[int] = Field(default_factory=list)


@dataclasses.dataclass
class Draw:
    seed: UUID = dataclasses.field(default_factory=uuid4)


def test_factory_defaults_are_the_same_in_every_attempt() -> None:
    @operation
    def book(
        name: str,
        ticket: Ticket,
        more: list[Ticket],
        draw: Draw,
        token: Annotated[UUID, Field(default_factory=uuid4)],
        other: UUID = Field(default_factory=uuid4),  # noqa: B008 — as many write it
    ) -> None:
        del name, ticket, more, draw, token, other

    sent: dict[str, Any] = {"name": "a", "ticket": {}, "more": [{}, {}], "draw": {}}
    kept = book.submission("1", book.validated(sent)).params
    first, second = (book.parameters.arguments(kept) for _ in range(2))

    assert sent == {"name": "a", "ticket": {}, "more": [{}, {}], "draw": {}}
    assert first == second
    assert len({first["token"], first["other"], first["ticket"].number, first["draw"].seed}) == 4
    assert first["more"][0].number != first["more"][1].number
    assert kept["ticket"].keys() == {"number", "at"}
    assert book.submission("2", book.validated(sent)).params["token"] != kept["token"]


def test_a_factory_default_is_validated_once() -> None:
    class Inner(BaseModel):
        minutes: Annotated[int, BeforeValidator(lambda v: v * 60)] = Field(
            default_factory=lambda: 3
        )

    @operation
    def wait(
        inner: Inner,
        minutes: Annotated[
            int, BeforeValidator(lambda v: v * 60), Field(default_factory=lambda: 2)
        ],
    ) -> tuple[int, int]:
        return inner.minutes, minutes

    kept = wait.submission("1", wait.validated({"inner": {}})).params

    assert wait(**wait.parameters.arguments(kept)) == (3, 120)
    assert wait(**wait.parameters.arguments(kept)) == (3, 120)


def test_a_default_that_a_function_changes_is_unchanged_in_the_next_attempt() -> None:
    @operation
    def collect(found: list[int] = [], options: Ticket = Ticket(seats=[1])) -> int:  # noqa: B006, B008
        found.append(1)
        options.seats.append(1)
        return len(found) + len(options.seats)

    assert [collect(**collect.parameters.arguments({})) for _ in range(3)] == [3, 3, 3]


def test_files_are_found_in_fields_excluded_from_dumps() -> None:
    class Case(BaseModel):
        scan: File = Field(exclude=True, alias="Scan")

        model_config = ConfigDict(arbitrary_types_allowed=True)

    @operation(unique=True)
    def study(value: Case) -> None:
        del value

    checked = study.parameters.check({"value": {"Scan": FILE}})

    assert [(use.pointer, use.file_id) for use in checked.uses] == [("/value/Scan", FILE)]
    assert checked.meaning({FILE: "sha256:1"}) == {"value": {"Scan": "sha256:1"}}


def test_python_values_are_sent_as_a_client_would_write_them() -> None:
    @operation
    def take(
        box: Box, item: Renamed, at: datetime, point: Point, colour: Colour, cost: Decimal
    ) -> None:
        del box, item, at, point, colour, cost

    given = {
        "box": Box(width=1, height=2),
        "item": Renamed(src="a"),  # type: ignore[call-arg]  # mypy takes the other alias
        "at": AT,
        "point": Point(1),
        "colour": Colour.RED,
        "cost": Decimal("12345678901234567890.25"),
    }

    sent = take.parameters.sent(given)

    assert sent["box"] == {"width": 1.0, "height": 2.0}
    assert sent["item"] == {"src": "a"}
    assert take.parameters.arguments(sent) == given


def test_a_model_that_does_not_round_trip_is_refused() -> None:
    class Delay(BaseModel):
        seconds: Annotated[int, BeforeValidator(lambda v: v * 60)]

    @operation
    def take(delay: Delay) -> None:
        del delay

    with pytest.raises(InvalidParameters, match="/delay: would be read as a different value"):
        take.parameters.sent({"delay": Delay(seconds=2)})
    assert take.parameters.sent({"delay": {"seconds": 2}}) == {"delay": {"seconds": 2}}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (math.inf, "inf is a number that JSON does not have"),
        ([{"a": math.nan}], "nan is a number that JSON does not have"),
        (2**64, "more than 64 bits"),
        ("a\udc80", "surrogates not allowed"),
        ({1: "a", "1": "b"}, "keys that are equal as text"),
        ({math.inf: 1}, "inf is a number that JSON does not have"),
        ({"\udc80": 1}, "surrogates not allowed"),
        ({frozenset({1}): 1}, "a key of the type frozenset, which has no form as text"),
        ({object(): 1}, "object"),
        (object(), "object"),
    ],
)
def test_python_values_that_clients_cannot_send_are_refused_by_parameter(
    value: Any, says: str
) -> None:
    @operation
    def take(first: int, value: Any) -> None:
        del first, value

    with pytest.raises(InvalidParameters) as refused:
        take.parameters.sent({"first": 1, "value": value})

    ((pointer, detail),) = refused.value.errors
    assert pointer == "/value"
    assert says in detail


def test_lazily_validated_items_are_checked_at_submission() -> None:
    from collections.abc import Iterable  # noqa: PLC0415 — as annotations have it

    def total(numbers: Iterable[int]) -> int:
        return sum(numbers)

    total.__annotations__["numbers"] = Iterable[int]
    declared = operation(unique=True)(total)

    with pytest.raises(InvalidParameters):
        declared.submission("1", declared.validated({"numbers": [1, "2"]}))
    kept = declared.submission("1", declared.validated({"numbers": [1, 2]})).params
    assert total(**declared.parameters.arguments(kept)) == 3
