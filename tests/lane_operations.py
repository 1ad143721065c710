"""Operations of two lanes: what people wait for, and what may take its time."""

import threading

from callboard import operation


@operation(queue="interactive")
def ask(number: int) -> int:
    """Answer at once."""
    return number


@operation(queue="maintenance")
def tidy(number: int) -> int:
    """Take a while."""
    threading.Event().wait(0.3)
    return number
