"""Valid results, their encoded form, and refused ones with their pointers."""

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import math
import pathlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Annotated, Any, NamedTuple

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, PlainSerializer, computed_field

from callboard.jobs.encoding import decode
from callboard.jobs.errors import ResultNotSerialisable
from callboard.jobs.finish import encode_result
from callboard.jobs.return_type import ReturnType


class Kind(enum.Enum):
    A = "a"
    INFINITE = math.inf


@dataclasses.dataclass
class Point:
    a: Any


class Pair(NamedTuple):
    x: Any
    y: Any


class Model(BaseModel):
    a: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def b(self) -> int:
        return self.a + 1


class Loose(BaseModel):
    value: Any = None
    number: float = 0.0
    content: bytes = b""


class Shown(BaseModel):
    """A model whose serialiser makes a key that is no data."""

    value: Annotated[int, PlainSerializer(lambda _value: {object(): 1})]


class Encoded(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64")
    content: bytes


def sent(value: Any, hint: Any = Any) -> Any:
    """Return the result as clients see it."""
    data = ReturnType(hint).read(value).described()
    outcome = encode_result(data, max_bytes=10**6)
    return decode(outcome.result)


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def cyclic() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (2**64 - 1, 2**64 - 1),
        (-(2**63), -(2**63)),
        ({1: "a", 2: "b"}, {"1": "a", "2": "b"}),
        ({1.5: "a"}, {"1.5": "a"}),
        ({dt.date(2026, 1, 1): 1}, {"2026-01-01": 1}),
        ({Kind.A: 1}, {"a": 1}),
        ({None: 1, True: 2}, {"None": 1, "true": 2}),
        ({(1, 2): "x"}, {"1,2": "x"}),
        ({b"\xff": 1}, {"_w==": 1}),
        (b"\xff\x00\xfb", "_wD7"),
        (b"abc", "YWJj"),
        (bytearray(b"abc"), "YWJj"),
        (memoryview(b"abc"), "YWJj"),
        ({1}, [1]),
        (frozenset({1}), [1]),
        ((1, (2, 3)), [1, [2, 3]]),
        (collections.deque([1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        (map(str, [1, 2]), ["1", "2"]),
        (zip([1], [2], strict=True), [[1, 2]]),
        ({"a": (n for n in [1, 2])}, {"a": [1, 2]}),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        ({"a": 1}.items(), [["a", 1]]),
        (array.array("i", [1]), [1]),
        (dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), "2026-01-02T03:04:05Z"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.timedelta(seconds=90.5), "PT1M30.5S"),
        (decimal.Decimal("1.10"), "1.10"),
        (decimal.Decimal("NaN"), None),
        (fractions.Fraction(1, 3), "1/3"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (pathlib.Path("/a/b"), "/a/b"),
        (1 + 2j, "1+2j"),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.defaultdict(int, a=1), {"a": 1}),
        ([1.0, math.nan], [1.0, None]),
        (-0.0, -0.0),
        ("a\x00b", "a\x00b"),
        ("\U0001f600", "\U0001f600"),
        (Kind.A, "a"),
        (Point(1), {"a": 1}),
        (Pair(1, 2), [1, 2]),
        (Model(a=1), {"a": 1, "b": 2}),
        (Encoded(content=b"\xff"), {"content": "_w=="}),
        (deep(190), deep(190)),
        (np.float64(1.5), 1.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.bytes_(b"abc"), "YWJj"),
        (np.arange(3), [0, 1, 2]),
        (np.array(5), 5),
        (np.array([[1.5, math.nan]]), [[1.5, None]]),
        (np.ma.array([1, 2], mask=[False, True]), [1, None]),
        ({"a": np.float32(1.5), "n": np.int32(4)}, {"a": 1.5, "n": 4}),
        ({np.int64(1): np.array([True])}, {"1": [True]}),
        ([{np.int64(1)}], [[1]]),
        (np.datetime64("2026-01-02T03:04:05.123456789"), "2026-01-02T03:04:05.123456789"),
        (np.datetime64("NaT", "s"), None),
        (np.array(["2026-01-02", "NaT"], "M8[D]"), ["2026-01-02", None]),
        (np.timedelta64(90, "s"), "PT1M30S"),
        (np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]), [{"a": 1, "b": 2.5}]),
        (np.longdouble(1.5), 1.5),
        (np.array([{"a": np.int8(1)}], dtype=object), [{"a": 1}]),
        (Loose(value=np.arange(2)), {"value": [0, 1], "number": 0.0, "content": ""}),
        (Point(np.int64(1)), {"a": 1}),
    ],
)
def test_a_result_has_its_documented_form(value: Any, form: Any) -> None:
    got = sent(value)

    assert (got, repr(got)) == (form, repr(form))


@pytest.mark.parametrize(
    ("value", "hint", "form"),
    [
        (np.int64(3), int, 3),
        (np.arange(3), list[int], [0, 1, 2]),
        (np.float32(1.5), float, 1.5),
        ([np.bool_(True)], list[bool], [True]),
        ({"a": np.arange(2)}, dict[str, list[int]], {"a": [0, 1]}),
        (math.nan, float | None, None),
        ([1.0, math.nan], list[float | None], [1.0, None]),
        ((n for n in range(2)), list[int], [0, 1]),
        ([0, 1], Iterable[int], [0, 1]),
        ([0, 1], AsyncIterator[int], [0, 1]),
        (1, Awaitable[int], 1),
        (b"abc", bytes, "YWJj"),
        (Pair(1, 2), Pair, [1, 2]),
    ],
)
def test_a_result_may_be_returned_as_any_value_that_converts_to_its_type(
    value: Any, hint: Any, form: Any
) -> None:
    assert sent(value, hint) == form


@pytest.mark.parametrize(
    ("value", "hint", "said"),
    [
        ([1.0, math.inf], Any, "/1 is an infinite number"),
        ({"a": [-math.inf]}, Any, "/a/0 is an infinite number"),
        (math.nan, float, "/ is nan"),
        ([1.0, math.nan], list[float], "/1 is nan"),
        (Loose(number=math.nan), Loose, "/number is nan"),
        (Loose(value=math.inf), Loose, "/value is an infinite number"),
        (np.array([1.0, np.inf]), Any, "/1 is an infinite number"),
        ({1: "a", "1": "b"}, Any, "/1 is the key of several values"),
        ({"x": {True: 1, "true": 2}}, dict[str, dict[Any, int]], "/x/true is the key of several"),
        ({np.int64(1): 1, "1": 2}, Any, "/1 is the key of several values"),
        ({"a": 2**70}, Any, "/a is a whole number of more than 64 bits"),
        (-(2**63) - 1, int, "/ is a whole number of more than 64 bits"),
        ({"a/b": "a\udc80"}, Any, "/a~1b contains half a character"),
        ({"\udc80": 1}, Any, "contains half a character"),
        (deep(300), Any, "nested deeper than 200 levels"),
        (deep(3000), Any, "nested deeper than 200 levels"),
        (cyclic(), Any, "nested deeper than 200 levels"),
        ({"e": ValueError("x")}, Any, "/e is of the type ValueError"),
        ({"a": {math.inf: 1}}, Any, "/a has a key with a number that JSON does not have"),
        ({math.nan: 1}, dict[float, int], "/ has a key with a number that JSON does not have"),
        ({(1, -math.inf): 1}, Any, "/ has a key with a number that JSON does not have"),
        ({np.float64("inf"): 1}, Any, "/ has a key with a number that JSON does not have"),
        ({Kind.INFINITE: 1}, Any, "/ has a key with a number that JSON does not have"),
        ({"a": {frozenset({1}): 1}}, Any, "/a has a key of the type frozenset, which has no form"),
        ({(1, frozenset()): 1}, Any, "/ has a key of the type tuple, which has no form"),
        ({object(): 1}, Any, "/ has a key of the type object, which has no form"),
        ({ValueError("x"): 1}, dict[Any, int], "/ has a key of the type ValueError, which has no"),
        (Loose(value={object(): 1}), Loose, "/value has a key of the type object, which has no"),
        (Loose(value={range(3): 1}), Loose, "/value has a key of the type range, which has no"),
        (Shown(value=1), Shown, "has a key without a form as text"),
        ({b"a": 1, "YQ==": 2}, Any, "/YQ== is the key of several values"),
        ({"partial": [dt.datetime.now]}, Any, "/partial/0 is of the type"),
        (Loose(content=b"\xff"), Loose, "bytes that are not UTF-8"),
        (Loose(value=object()), Loose, "/value is of the type object"),
    ],
)
def test_an_unencodable_value_is_refused_by_its_pointer(value: Any, hint: Any, said: str) -> None:
    with pytest.raises(ResultNotSerialisable, match="cannot be sent: ") as refused:
        ReturnType(hint).read(value)

    assert said in refused.value.detail
    assert not refused.value.retryable
    assert len(refused.value.detail) < 300


def test_an_open_file_is_refused_as_a_result() -> None:
    with (
        pathlib.Path(__file__).open(encoding="utf-8") as stream,
        pytest.raises(ResultNotSerialisable, match="/0 is an open file"),
    ):
        ReturnType(Any).read([stream])


@pytest.mark.parametrize("error", [ValueError("mine"), TypeError("mine"), RuntimeError("mine")])
@pytest.mark.parametrize("where", ["iterator", "serialiser", "computed"])
def test_an_error_in_the_functions_own_code_is_kept(error: Exception, where: str) -> None:
    def fail(_value: Any) -> Any:
        raise error

    class Failing(BaseModel):
        a: Annotated[int, PlainSerializer(fail)] = 1

    class Computed(BaseModel):
        @computed_field  # type: ignore[prop-decorator]
        @property
        def a(self) -> int:
            raise error

    values: dict[str, Callable[[], Any]] = {
        "iterator": lambda: map(fail, [1]),
        "serialiser": Failing,
        "computed": Computed,
    }
    with pytest.raises(type(error), match="mine"):
        ReturnType(Any).read(values[where]())


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=30,
)


@given(value=JSON)
def test_plain_json_data_is_sent_unchanged(value: Any) -> None:
    assert msgpack.packb(sent(value)) == msgpack.packb(value)
