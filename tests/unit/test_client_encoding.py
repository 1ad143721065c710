"""The client sends Python values as JSON with all their digits, or refuses them."""

import json
import math
from decimal import Decimal
from typing import Any

import pytest

from callboard.client.encoding import encode

pytestmark = pytest.mark.check


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ({"amount": Decimal("12345678901234567890.250")}, '{"amount": 12345678901234567890.250}'),
        ([Decimal("1E+400"), 0.1, 2**64 - 1], "[1E+400, 0.1, 18446744073709551615]"),
        ({"a": (1, True, None)}, '{"a": [1, true, null]}'),
        (
            {2: "a", 1.5: "b", True: "c", None: "d"},
            '{"2": "a", "1.5": "b", "true": "c", "null": "d"}',
        ),
        ({'"': "ł"}, '{"\\"": "\\u0142"}'),
    ],
)
def test_values_keep_their_digits_and_names(value: Any, sent: str) -> None:
    assert encode(value) == sent
    json.loads(sent)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        [math.inf],
        Decimal("NaN"),
        {math.inf: 1},
        {(1, 2): 1},
        {b"a": 1},
        {Decimal("1.0"): 1},
        {1, 2},
        b"a",
        object(),
    ],
)
def test_values_that_json_does_not_have_are_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode({"params": value})
