"""The moves of dispatchers, and jobs whose ends somebody wants to hear of."""

from datetime import timedelta
from typing import Any, Final

from callboard.jobs.callbacks.deliver import (
    Attempted,
    WebhookDelivery,
    claim_deliveries,
    record_delivery,
)
from callboard.jobs.callbacks.deliveries import list_deliveries
from callboard.jobs.finish import encode_result, finish
from tests.world import World

SUCCESS: Final = encode_result({"found": 1}, max_bytes=100)
ENDS: Final = ["job.succeeded", "job.failed", "job.cancelled"]
EVERYTHING: Final = ["job.running", *ENDS]
RETRIES: Final = [timedelta(seconds=5), timedelta(minutes=5)]
OK: Final = Attempted(code=204, took_ms=12)
DOWN: Final = Attempted(code=503, problem="the receiver is overloaded")


def callback(host: str = "hooks.example", events: list[str] = ENDS) -> dict[str, Any]:
    return {
        "url": f"https://{host}:8443/secret?token=1",
        "events": events,
        "base": "https://jobs.example",
    }


def take(world: World, *, most: int = 10, per_host: int = 2) -> list[WebhookDelivery]:
    return claim_deliveries(world.store, most=most, per_host=per_host)


def done(world: World, delivery: WebhookDelivery, attempted: Attempted = OK) -> str:
    return record_delivery(
        world.store, delivery, attempted, retries=RETRIES, jitter=lambda delay, _: delay
    )


def ended(world: World, **chosen: Any) -> str:
    """Let a job succeed that has a callback."""
    fence = world.running(**{"callback": callback(), **chosen})
    finish(world.store, fence, SUCCESS)
    return fence.job_id


def types(world: World, job_id: str) -> list[str]:
    return [each.type for each in list_deliveries(world.store, "job", job_id)]
