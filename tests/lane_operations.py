"""Operations of two lanes: interactive ones, and slow ones."""

import threading

from callboard import operation


@operation(queue="interactive")
def ask(number: int) -> int:
    """Answer at once."""
    return number


@operation(queue="maintenance")
def tidy(number: int) -> int:
    """Run for a while."""
    threading.Event().wait(0.3)
    return number
