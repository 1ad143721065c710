"""Waits for a condition instead of a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

_PAUSE = time.sleep  # the one place in the tests that may sleep


def eventually(
    condition: Callable[[], Value],
    *,
    what: str,
    timeout: float = 10.0,
    interval: float = 0.02,
    ignoring: type[BaseException] | tuple[type[BaseException], ...] = (),
) -> Value:
    """Return the condition's value as soon as it is true.

    Args:
        condition: called until its value is true; at least once, and once after the timeout.
        what: names the condition in the failure.
        timeout: seconds until it is a failure.
        interval: seconds between two calls.
        ignoring: exceptions that only mean "not yet".

    Raises:
        AssertionError: the condition was not true in time; names it and its last value.

    """
    end = time.monotonic() + timeout
    while True:
        late = time.monotonic() >= end
        try:
            value = condition()
            last = f"the last value was {value!r}"
            if value:
                return value
        except ignoring as error:
            last = f"the last call raised {error!r}"
        if late:
            raise AssertionError(f"not within {timeout:g} s: {what}; {last}")
        _PAUSE(interval)
