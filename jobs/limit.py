"""limit: say how many places slots have."""

import json
from collections.abc import Mapping
from typing import Literal

from jobs.store import Store


def limit(
    store: Store,
    places: Mapping[str, int | None],
    *,
    source: Literal["declared", "operator", "pause"],
) -> None:
    """Set limits while everything runs; raising one starts waiting jobs at once.

    Args:
        store: where.
        places: for each slot how many jobs may hold it; None takes back what this source said.
        source: an operator's word wins over what the code declares, and a pause over both.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    said = {slot: "" if number is None else str(number) for slot, number in places.items()}
    store.run("limit_slots", store.keys("limits"), source=source, places=json.dumps(said))


def operation_slot(operation: str) -> str:
    """Name the slot that each job of an operation takes."""
    return f"operation:{operation}"


def resource_slot(resource: str) -> str:
    """Name the slot of a shared resource."""
    return f"resource:{resource}"
