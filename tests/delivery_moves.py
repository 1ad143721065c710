"""The actions of dispatchers, and jobs with callbacks."""

from datetime import timedelta
from typing import Any, Final

from callboard.jobs.callbacks.deliver import (
    WebhookDelivery,
    claim_deliveries,
    record_delivery,
)
from callboard.jobs.callbacks.deliveries import list_deliveries
from callboard.jobs.callbacks.retry_delay import Attempted
from callboard.jobs.finish import encode_result, finish
from tests.job_system import JobSystem

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


def take(job_system: JobSystem, *, most: int = 10, per_host: int = 2) -> list[WebhookDelivery]:
    return claim_deliveries(job_system.store, most=most, per_host=per_host)


def done(job_system: JobSystem, delivery: WebhookDelivery, attempted: Attempted = OK) -> str:
    return record_delivery(
        job_system.store, delivery, attempted, retries=RETRIES, jitter=lambda delay, _: delay
    )


def ended(job_system: JobSystem, **chosen: Any) -> str:
    """Let a job with a callback succeed."""
    fence = job_system.running(**{"callback": callback(), **chosen})
    finish(job_system.store, fence, SUCCESS)
    return fence.job_id


def types(job_system: JobSystem, job_id: str) -> list[str]:
    return [each.type for each in list_deliveries(job_system.store, "job", job_id)]
