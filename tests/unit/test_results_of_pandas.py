"""Pandas tables, columns and scalars have an obvious form; values without one are refused."""

import datetime as dt
import decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from callboard.jobs.encoding import decode
from callboard.jobs.errors import ResultNotSerialisable
from callboard.jobs.finish import encode_result
from callboard.jobs.return_type import ReturnType

MOMENT = "2026-01-02T03:04:05"
FINE = f"{MOMENT}.123456789"


class Row(BaseModel):
    a: int


class Holder(BaseModel):
    value: Any


def sent(value: Any, hint: Any = Any) -> Any:
    """Return the result as clients see it."""
    data = ReturnType(hint).read(value).described()
    return decode(encode_result(data, max_bytes=10**6).result)


def records() -> Any:
    """Convert a table to rows by hand."""
    moments = pd.to_datetime(["2026-01-01", None])
    return pd.DataFrame({"a": [1, None], "t": moments}).to_dict("records")


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (pd.DataFrame({"a": [1, 2]}), [{"a": 1}, {"a": 2}]),
        (records(), [{"a": 1.0, "t": "2026-01-01T00:00:00"}, {"a": None, "t": None}]),
        (pd.DataFrame({"s": ["x", None]}), [{"s": "x"}, {"s": None}]),
        (pd.DataFrame(), []),
        (pd.DataFrame([[1, 2]]), [{"0": 1, "1": 2}]),
        (pd.DataFrame({"i": pd.array([1, None], "Int64")}), [{"i": 1}, {"i": None}]),
        (pd.DataFrame({"b": pd.array([True, None], "boolean")}), [{"b": True}, {"b": None}]),
        (pd.DataFrame({"c": pd.Categorical(["x", None])}), [{"c": "x"}, {"c": None}]),
        (pd.DataFrame({"d": [decimal.Decimal("1.10")]}), [{"d": "1.10"}]),
        (pd.DataFrame({"n": [[np.int64(2)], {"k": np.nan}]}), [{"n": [2]}, {"n": {"k": None}}]),
        (pd.DataFrame({"t": pd.to_timedelta(["1s", None])}), [{"t": "PT1S"}, {"t": None}]),
        (pd.DataFrame({"t": pd.to_datetime([FINE])}), [{"t": FINE}]),
        (pd.Series([1, 2, None]), [1.0, 2.0, None]),
        (pd.Series([1, 2], index=["a", "b"]), [1, 2]),
        (pd.Series(["a", None, np.int8(1), pd.NA]), ["a", None, 1, None]),
        (pd.Series([], dtype=float), []),
        (pd.Series([2**64 - 1], dtype="uint64"), [2**64 - 1]),
        (pd.Series(pd.to_datetime([f"{MOMENT}Z"])), [f"{MOMENT}Z"]),
        (pd.Index(["a", "b"]), ["a", "b"]),
        (pd.RangeIndex(3), [0, 1, 2]),
        (pd.MultiIndex.from_tuples([("a", 1), ("b", None)]), [["a", 1.0], ["b", None]]),
        (pd.date_range("2026-01-01", periods=1), ["2026-01-01T00:00:00"]),
        (pd.Categorical(["a", None, "b"]), ["a", None, "b"]),
        (pd.array(["a", None], dtype="string"), ["a", None]),
        (pd.Timestamp(MOMENT), MOMENT),
        (pd.Timestamp(MOMENT, tz="Europe/Berlin"), f"{MOMENT}+01:00"),
        (pd.Timestamp(FINE), FINE),
        (pd.Timestamp(FINE, tz="UTC"), f"{FINE}Z"),
        (pd.Timedelta(90.5, "s"), "PT1M30.5S"),
        (pd.Timedelta(-1_000_000_001, "ns"), "-PT1.000000001S"),
        (np.timedelta64(1_000_000_001, "ns"), "PT1.000000001S"),
        ({"a": [pd.NA, pd.NaT]}, {"a": [None, None]}),
        ({pd.Timestamp("2026-01-02"): 1}, {"2026-01-02T00:00:00": 1}),
        (pd.Period("2026-01"), "2026-01"),
        (pd.Interval(0, 1), "(0, 1]"),
        ({"x": pd.DataFrame({"a": [1]}), "y": [pd.Series([1])]}, {"x": [{"a": 1}], "y": [[1]]}),
        (pd.DataFrame({"a": [1, 2]}).itertuples(index=False), [[1], [2]]),
        (Holder(value=pd.DataFrame({"a": [1]})), {"value": [{"a": 1}]}),
        (Holder(value=pd.NA), {"value": None}),
    ],
)  # fmt: skip
def test_a_pandas_value_has_its_documented_form(value: Any, form: Any) -> None:
    got = sent(value)

    assert (got, repr(got)) == (form, repr(form))


@pytest.mark.parametrize(
    ("value", "hint", "form"),
    [
        (pd.DataFrame({"a": [1, 2]}), list[Row], [{"a": 1}, {"a": 2}]),
        (pd.DataFrame({"a": [1]}), list[dict[str, int]], [{"a": 1}]),
        (pd.Series([1, 2]), list[int], [1, 2]),
        (pd.Series([1.5, None]), list[float | None], [1.5, None]),
        (pd.Series(["a", None]), list[str | None], ["a", None]),
        (pd.Timestamp(MOMENT), dt.datetime, MOMENT),
        (pd.NaT, dt.datetime | None, None),
    ],
)
def test_pandas_values_may_be_returned_where_plain_data_is_declared(
    value: Any, hint: Any, form: Any
) -> None:
    assert sent(value, hint) == form


@pytest.mark.parametrize(
    ("value", "hint", "said"),
    [
        (pd.DataFrame({"a": [1.0, np.inf]}), Any, "/1/a is an infinite number"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), Any, "two columns of one name"),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), Any, "/0/1 is the key of several values"),
        (pd.Series([1.0, None]), list[float], "/1: Input should be a valid number"),
        ({"g": pd.DataFrame({"a": [1]}).groupby("a")}, Any, "/g is of the type DataFrameGroupBy"),
        (Holder(value=pd.NaT), Any, "/value is not a time (NaT)"),
    ],
)
def test_a_value_without_a_form_is_refused_by_its_pointer(value: Any, hint: Any, said: str) -> None:
    with pytest.raises(ResultNotSerialisable) as refused:
        sent(value, hint)

    assert said in refused.value.detail
