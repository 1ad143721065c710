"""The deliveries of a job or a batch: list them, and restart one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Self

from callboard.jobs.callbacks.deliver import Kind
from callboard.jobs.clock import moment
from callboard.jobs.errors import DeliveryNotFound, DeliveryPending
from callboard.jobs.store import Store

DeliveryStatus = Literal["pending", "delivered", "failed", "stopped"]
DELIVERY_ID_PATTERN: Final = "msg_[0-9a-f]{32}_[a-z]{1,16}"
_SHOWN: Final = (
    "type",
    "host",
    "status",
    "attempts",
    "event_ms",
    "next_ms",
    "token",
    "last_ms",
    "last_code",
    "last_problem",
)


@dataclass(frozen=True, kw_only=True)
class LastAttempt:
    """How the latest attempt ended.

    Attributes:
        code: the status of the response; None if there was none.
        problem: what went wrong; empty if nothing did.
    """

    at: datetime
    code: int | None
    problem: str


@dataclass(frozen=True, kw_only=True)
class DeliveryRecord:
    """One delivery as callers may see it: without its whole URL and without response bodies.

    Attributes:
        at: when the event happened.
        next_at: when the next attempt is due; None during an attempt, and if none follows.
    """

    id: str
    type: str
    host: str
    status: DeliveryStatus
    attempts: int
    at: datetime
    next_at: datetime | None
    last: LastAttempt | None

    @classmethod
    def parse(cls, delivery_id: str, fields: Mapping[str, str]) -> Self:
        """Build it from its hash.

        Raises:
            KeyError: a field that every delivery has is missing.
        """
        waits = "next_ms" in fields and "token" not in fields
        code = fields.get("last_code")
        return cls(
            id=delivery_id,
            type=fields["type"],
            host=fields["host"],
            status=fields["status"],  # type: ignore[arg-type]
            attempts=int(fields["attempts"]),
            at=moment(fields["event_ms"]),
            next_at=moment(fields["next_ms"]) if waits else None,
            last=LastAttempt(
                at=moment(fields["last_ms"]),
                code=int(code) if code else None,
                problem=fields["last_problem"],
            )
            if "last_ms" in fields
            else None,
        )


def list_deliveries(store: Store, kind: Kind, owner: str) -> list[DeliveryRecord]:
    """Read the deliveries of a job or a batch, oldest first; ended ones are kept for a week.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (ids,) = store.pipeline(("LRANGE", store.keys(f"{kind}_deliveries", owner), 0, -1))
    return _read(store, [each.decode() for each in ids])


def resend(store: Store, owner: str, delivery_id: str) -> DeliveryRecord:
    """Restart a delivery now, with the same id, by which receivers recognise it.

    Its body stays as well, if it is still stored. A repeat is safe.

    Args:
        store: the store.
        owner: the job or batch that it must belong to.
        delivery_id: the delivery's id.

    Raises:
        DeliveryNotFound: none of this owner has this id.
        DeliveryPending: an attempt is under way.
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run(
        "resend_delivery",
        store.keys("delivery", delivery_id),
        delivery_id=delivery_id,
        owner=owner,
    )
    if answer.word == "busy":
        raise DeliveryPending("An attempt is in progress; try again when it has ended.")
    found = _read(store, [delivery_id]) if answer.word == "resent" else []
    if not found:
        raise DeliveryNotFound(f"No callback here has the id {delivery_id}.")
    return found[0]


def _read(store: Store, delivery_ids: Sequence[str]) -> list[DeliveryRecord]:
    commands = [("HMGET", store.keys("delivery", each), *_SHOWN) for each in delivery_ids]
    found = []
    for delivery_id, values in zip(
        delivery_ids, store.pipeline(*commands) if commands else [], strict=True
    ):
        fields = {
            name: value.decode("utf-8", "replace")
            for name, value in zip(_SHOWN, values, strict=True)
            if value is not None
        }
        if "type" in fields:
            found.append(DeliveryRecord.parse(delivery_id, fields))
    return found
