"""One run from beginning to end: start, trouble, calm, the last look."""

import threading
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.calm import calm, last_look
from tests.chaos.drivers import Driver, drivers
from tests.chaos.history import now_ms
from tests.chaos.nemesis import Nemesis
from tests.chaos.plan import plan
from tests.chaos.plant import Plant
from tests.chaos.scene import DECLARED, NEEDS

_END_SECONDS = 120.0


@dataclass(frozen=True)
class Terms:
    """What is run.

    Attributes:
        load: how much clients do; 1 is about 8 jobs a second.
    """

    seed: int
    minutes: float
    folder: Path
    load: float = 1.0


def run(terms: Terms) -> None:
    """Run, and leave the history in the folder; everything that was started ends with it.

    Raises:
        AssertionError: the harness itself could not do what it was to do.
    """
    plant = Plant(terms.folder)
    try:
        plant.start()
        _trouble(plant, terms)
        calm(plant, terms.seed)
        wrong = plant.stop()
        plant.drain.close()
        plant.history.add(last_look(plant.store, wrong))
    finally:
        plant.close()


def _trouble(plant: Plant, terms: Terms) -> None:
    seconds = terms.minutes * 60
    limits = {"limits": dict(DECLARED), "needs": dict(NEEDS)}
    plant.history.add({"from": "limits", "at": now_ms(), **limits})
    hands = [Nemesis(name, faults, plant) for name, faults in plan(terms.seed, seconds).items()]
    clients = drivers(plant.url, plant.history, terms.seed, load=terms.load)
    threads: list[Nemesis | Driver] = [*hands, *clients]
    over = threading.Event()
    for thread in threads:
        thread.start()
    try:
        over.wait(seconds)
    finally:
        for hand in hands:
            hand.scene.stopping.set()
        for client in clients:
            client.stopping.set()
        for thread in threads:
            thread.join(_END_SECONDS)
    for thread in threads:
        if thread.failure is not None:
            raise AssertionError(f"{thread.name} could not go on") from thread.failure
        assert not thread.is_alive(), f"{thread.name} does not end"
