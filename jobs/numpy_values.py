"""Give values of NumPy and pandas as Python's own; neither is imported for that."""

import sys
from typing import Any

from callboard.jobs.json_pointer import Location
from callboard.jobs.unserializable import Unserializable


def native(value: Any, at: Location) -> Any:
    """Return a value of NumPy or pandas as Python's own, and any other as it is.

    Scalars become numbers, text and times, arrays and series lists, and a table a list of its
    rows, each with its columns by name; what is missing becomes None.

    Raises:
        Unserializable: it has no form that is obvious.
    """
    packages = {base.__module__.partition(".")[0] for base in type(value).__mro__}
    if "pandas" in packages:
        return _of_pandas(value, at)
    if "numpy" in packages:
        return _of_numpy(value)
    return value


def _of_numpy(value: Any) -> Any:  # noqa: C901, PLR0911, PLR0912 — a table of kinds
    numpy: Any = sys.modules.get("numpy")
    match value:
        case _ if numpy is None:
            return value
        case numpy.ndarray() if value.dtype.names is not None and value.ndim:
            return list(value)
        case numpy.ndarray() if value.dtype.kind in "mM" or value.dtype.char in "gG":
            return value[()] if value.ndim == 0 else list(value)
        case numpy.ndarray():
            return value.tolist()
        case numpy.void() if value.dtype.names is not None:
            return {name: value[name] for name in value.dtype.names}
        case numpy.datetime64() | numpy.timedelta64() if numpy.isnat(value):
            return None
        case numpy.datetime64():
            return str(value)
        case numpy.timedelta64():
            return _duration(value)
        case numpy.longdouble():
            return float(value)
        case numpy.generic():
            return value.item()
    return value


def _of_pandas(value: Any, at: Location) -> Any:  # noqa: C901, PLR0911, PLR0912 — a table of kinds
    pandas: Any = sys.modules.get("pandas")
    match value:
        case _ if pandas is None:
            return value
        case _ if value is pandas.NaT or value is pandas.NA:
            return None
        case pandas.DataFrame():
            if not value.columns.is_unique:
                raise Unserializable(at, "is a table with two columns of one name")
            return _filled(value).to_dict("records")
        case pandas.MultiIndex():
            return value.tolist()
        case pandas.Timestamp() if value.nanosecond:
            return value.isoformat().replace("+00:00", "Z")
        case pandas.Timedelta():
            return _duration(value.to_timedelta64())
        case pandas.Series() | pandas.Index() | pandas.api.extensions.ExtensionArray():
            return _filled(pandas.Series(value)).tolist()
        case pandas.Period() | pandas.Interval():
            return str(value)
    return value


def _duration(value: Any) -> Any:
    """Return it as Python's own, or as text (ISO 8601) where that would lose nanoseconds."""
    coarse = value.astype("m8[us]")
    if coarse == value:
        return coarse.item()
    nanoseconds = int(value.astype("m8[ns]").astype("i8"))
    seconds, rest = divmod(abs(nanoseconds), 10**9)
    return f"{'-' if nanoseconds < 0 else ''}PT{seconds}.{rest:09}S"


def _filled(table: Any) -> Any:
    return table.astype(object).where(table.notna(), None)
