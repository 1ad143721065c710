"""Tests that measure time run alone, although the suite runs in several processes."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def room(suite: str, *, alone: bool) -> Iterator[None]:
    """Share the machine with the other test processes of a run, or have it for oneself.

    Whoever wants it for themselves closes the door first, so that they do not wait for ever.

    Args:
        suite: names the run.
        alone: whether nobody else's test may run meanwhile.
    """
    folder = Path(tempfile.gettempdir())
    with (folder / f"{suite}.door").open("w") as door, (folder / f"{suite}.room").open("w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        if not alone:
            fcntl.flock(door, fcntl.LOCK_UN)
        yield
