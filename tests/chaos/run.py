"""One run from start to end: start, faults, quiesce, final check."""

import threading
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.drivers import Driver, drivers
from tests.chaos.fault_context import DECLARED, NEEDS
from tests.chaos.history import now_ms
from tests.chaos.installation import ChaosInstallation
from tests.chaos.nemesis import Nemesis
from tests.chaos.plan import plan
from tests.chaos.quiesce import last_look, quiesce

_END_SECONDS = 120.0


@dataclass(frozen=True)
class Terms:
    """The settings of a run.

    Attributes:
        load: load of the clients; 1 is about 8 jobs a second.
    """

    seed: int
    minutes: float
    folder: Path
    load: float = 1.0


def run(terms: Terms) -> None:
    """Run, and write the history to the folder; every started process ends.

    Raises:
        AssertionError: the harness itself failed.
    """
    chaos_installation = ChaosInstallation(terms.folder)
    try:
        chaos_installation.start()
        _trouble(chaos_installation, terms)
        quiesce(chaos_installation, terms.seed)
        wrong = chaos_installation.stop()
        chaos_installation.drain.close()
        chaos_installation.history.add(last_look(chaos_installation.store, wrong))
    finally:
        chaos_installation.close()


def _trouble(chaos_installation: ChaosInstallation, terms: Terms) -> None:
    seconds = terms.minutes * 60
    limits = {"limits": dict(DECLARED), "needs": dict(NEEDS)}
    chaos_installation.history.add({"from": "limits", "at": now_ms(), **limits})
    hands = [
        Nemesis(name, faults, chaos_installation)
        for name, faults in plan(terms.seed, seconds).items()
    ]
    clients = drivers(
        chaos_installation.url, chaos_installation.history, terms.seed, load=terms.load
    )
    threads: list[Nemesis | Driver] = [*hands, *clients]
    over = threading.Event()
    for thread in threads:
        thread.start()
    try:
        over.wait(seconds)
    finally:
        for hand in hands:
            hand.fault_context.stopping.set()
        for client in clients:
            client.stopping.set()
        for thread in threads:
            thread.join(_END_SECONDS)
    for thread in threads:
        if thread.failure is not None:
            raise AssertionError(f"{thread.name} could not go on") from thread.failure
        assert not thread.is_alive(), f"{thread.name} does not end"
