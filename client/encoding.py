"""Encodes requests as JSON, without losing digits of a `Decimal`."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def encode(value: Any) -> str:
    """Encode JSON-like data, in which a number may be a `Decimal`.

    Raises:
        TypeError: something in it is not JSON-like.
        ValueError: a number is NaN or infinite.
    """
    match value:
        case Decimal():
            if not value.is_finite():
                raise ValueError(f"{value} is not a JSON number")
            return str(value)
        case Mapping():
            members = (f"{json.dumps(_name(name))}: {encode(each)}" for name, each in value.items())
            return f"{{{', '.join(members)}}}"
        case list() | tuple():
            return f"[{', '.join(encode(each) for each in value)}]"
    return json.dumps(value, allow_nan=False)


def _name(name: Any) -> str:
    if isinstance(name, str):
        return name
    (text,) = json.loads(json.dumps({name: None}, allow_nan=False))  # a number, True or None
    return str(text)
