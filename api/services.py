"""What the HTTP layer is given; whoever starts the process makes it."""

from collections.abc import Callable
from dataclasses import dataclass

from api.events import Events
from config import Settings
from config.telemetry import Telemetry
from jobs.intake import Intake
from jobs.registry import Registry
from jobs.store import Store


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything outside that requests reach.

    Attributes:
        broker_ready: whether RabbitMQ takes messages now; answers at once.
        telemetry: makes spans of requests; None for none.
    """

    settings: Settings
    store: Store
    intake: Intake
    registry: Registry
    events: Events
    broker_ready: Callable[[], bool]
    telemetry: Telemetry | None = None
