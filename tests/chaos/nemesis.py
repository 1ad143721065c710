"""Executes the plan: breaks processes, servers and the network, and undoes lasting faults."""

import random
import threading
import time
from collections.abc import Sequence
from typing import Final

from tests.chaos import network_faults, process_faults, server_faults
from tests.chaos.fault_context import FaultContext
from tests.chaos.installation import ChaosInstallation
from tests.chaos.plan import Fault

FAULTS: Final = {**process_faults.FAULTS, **server_faults.FAULTS, **network_faults.FAULTS}


class Nemesis(threading.Thread):
    """One hand of the nemesis: causes one fault after another, and waits until each is undone."""

    def __init__(
        self, name: str, faults: Sequence[Fault], chaos_installation: ChaosInstallation
    ) -> None:
        super().__init__(name=f"nemesis-{name}", daemon=True)
        self._faults = faults
        self.fault_context: Final = FaultContext(chaos_installation)
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Execute the plan: each fault at its time, or as soon as the previous one is undone."""
        began = time.monotonic()
        try:
            for fault in self._faults:
                if self.fault_context.stopping.wait(max(0.0, began + fault.at - time.monotonic())):
                    return
                self._do(fault)
        except BaseException as error:  # noqa: BLE001 — it is raised where the run ends
            self.failure = error

    def _do(self, fault: Fault) -> None:
        self.fault_context.dice = random.Random(fault.dice)
        self.fault_context.did("begin", fault.what)
        try:
            FAULTS[fault.what](self.fault_context, fault)
            self.fault_context.did("over", fault.what)
        except (AssertionError, TimeoutError) as error:
            # The machine was too slow. Remaining faults are repaired at the end.
            self.fault_context.did("miss", fault.what, reason=repr(error))
