"""The services that the HTTP layer uses."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from callboard.api.waiting.events import Events
from callboard.api.waiting.fair_limit import FairLimit
from callboard.api.waiting.transfer_limits import TransferLimits
from callboard.config import Settings
from callboard.jobs.files.storage import Storage
from callboard.jobs.offload import Offload, at_once
from callboard.jobs.operation import Check, Operation
from callboard.jobs.registry import Registry
from callboard.jobs.store import Store
from callboard.jobs.submission_service import SubmissionService
from callboard.telemetry.traces import Telemetry

_MAX_ASIDE_BYTES: Final = 512 * 1024**2
_ASIDE_GREED: Final = 3


@dataclass(frozen=True, kw_only=True)
class Services:
    """The services that requests use.

    Attributes:
        broker_trouble: what keeps messages from RabbitMQ now, in a sentence; None if nothing does.
            Answers at once.
        storage: the storage of file contents.
        offload: runs what blocks, such as the storage, so that it holds up no other request.
        compute: runs what takes the processor for long, few at a time: each that runs beside the
            requests of this process makes all of them slower.
        check: validates large parameters.
        aside: room for the bytes of results that are put aside for clients while these read.
        telemetry: makes spans of requests; None for none.
        draining: set once the process was told to stop.
        transfers: how many files are sent and read at a time.
    """

    settings: Settings
    store: Store
    submissions: SubmissionService
    registry: Registry
    events: Events
    broker_trouble: Callable[[], str | None]
    storage: Storage
    offload: Offload = at_once
    compute: Offload = at_once
    check: Check = Operation.validated
    aside: FairLimit = field(
        default_factory=lambda: FairLimit(_MAX_ASIDE_BYTES, greed=_ASIDE_GREED)
    )
    telemetry: Telemetry | None = None
    draining: threading.Event = field(default_factory=threading.Event)
    transfers: TransferLimits = field(default_factory=TransferLimits)
