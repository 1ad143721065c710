"""Operations whose module creates objects at import that their processes must not share."""

import os
import random
import threading
import time

import numpy as np

from callboard import operation

_pause = time.sleep  # noqa: TID251  # what functions do, while tests wait for conditions
_drawn = np.random.default_rng()
_plain = random.Random()
_imported_in = os.getpid()
_asked, _answered = threading.Event(), threading.Event()


def _answer() -> None:
    while _asked.wait():
        _answered.set()


threading.Thread(target=_answer, daemon=True).start()


@operation(isolation="process")
def draw() -> list[float]:
    """Draw from generators of all kinds."""
    _pause(1)
    legacy = np.random.random()  # noqa: NPY002
    return [float(_drawn.random()), _plain.random(), random.random(), float(legacy)]


@operation(isolation="process", start="spawn")
def look_spawned() -> dict[str, bool]:
    """Return whether the module was imported in this process, with its thread."""
    _asked.set()
    return {"imported here": _imported_in == os.getpid(), "answered": _answered.wait(5)}


@operation(isolation="process")
def look_forked() -> bool:
    """Return whether the module was imported in this process."""
    return _imported_in == os.getpid()
