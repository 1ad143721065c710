"""Runs tests that measure time alone, even if the suite uses several processes."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def room(suite: str, *, alone: bool) -> Iterator[None]:
    """Share the machine with the other test processes of a run, or use it exclusively.

    An exclusive user first stops others from starting, so that its wait ends.

    Args:
        suite: identifies the run.
        alone: whether no other test may run at the same time.
    """
    folder = Path(tempfile.gettempdir())
    with (folder / f"{suite}.door").open("w") as door, (folder / f"{suite}.room").open("w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        if not alone:
            fcntl.flock(door, fcntl.LOCK_UN)
        yield
