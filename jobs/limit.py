"""limit: set how many places slots have."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from callboard.jobs.store import Store
from callboard.jobs.value_slots import VALUE_PREFIX

_SOURCES: Final = ("pause", "operator", "declared")
_UNLIMITED: Final = 10**9  # as `limit_slots` writes it for a limit that was taken back


@dataclass(frozen=True, slots=True)
class Limit:
    """How many jobs may hold a slot now.

    Attributes:
        places: None when any number may.
        paused: whether none may for as long as the pause lasts.
    """

    places: int | None
    paused: bool


def limit(
    store: Store,
    places: Mapping[str, int | None],
    *,
    source: Literal["declared", "operator", "pause"],
) -> None:
    """Set limits while everything runs; raising one starts waiting jobs at once.

    Args:
        store: the store.
        places: for each slot how many jobs may hold it; None takes back what this source said.
        source: an operator's limit overrides the declared one, and a pause overrides both.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    said = {slot: "" if number is None else str(number) for slot, number in places.items()}
    store.run("limit_slots", store.keys("limits"), source=source, places=json.dumps(said))


def is_declared(store: Store, slot: str) -> bool:
    """Return whether any worker that has run here declared this slot.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (declared,) = store.pipeline(("HEXISTS", store.keys("limits"), f"declared:{slot}"))
    return bool(declared)


def paused_slots(store: Store) -> frozenset[str]:
    """Name the slots whose claims an operator has stopped.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (names,) = store.pipeline(("HKEYS", store.keys("limits")))
    said = (name.decode() for name in names)
    return frozenset(name.removeprefix("pause:") for name in said if name.startswith("pause:"))


def waiting_at(store: Store, slots: Sequence[str]) -> list[int]:
    """Count the jobs that are blocked at each slot; at an operation's, also those at its values'.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    waited, *counted = store.pipeline(("SMEMBERS", store.keys("waited")), *_counts(store, slots))
    totals = Counter(dict(zip(slots, counted, strict=True)))
    values = [each.decode() for each in waited if each.startswith(VALUE_PREFIX.encode())]
    if values:
        for value, number in zip(values, store.pipeline(*_counts(store, values)), strict=True):
            totals[_operation_of(value)] += number
    return [totals[slot] for slot in slots]


def _counts(store: Store, slots: Sequence[str]) -> Iterator[tuple[str, str]]:
    return (("ZCARD", store.keys("waiting", slot)) for slot in slots)


def _operation_of(value_slot: str) -> str:
    return operation_slot(value_slot.split(":")[1])


def limits_in_effect(store: Store, declared: Mapping[str, int | None]) -> list[Limit]:
    """Read what counts now for each slot, in one round trip.

    Args:
        store: the store.
        declared: for each slot what the code says, which counts unless an operator has set a limit.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    if not declared:
        return []
    names = [f"{source}:{slot}" for slot in declared for source in _SOURCES]
    (said,) = store.pipeline(("HMGET", store.keys("limits"), *names))
    rows = zip(*[iter(said)] * len(_SOURCES), strict=True)
    return [_limit(row, places) for row, places in zip(rows, declared.values(), strict=True)]


def _limit(said: Sequence[bytes | None], declared: int | None) -> Limit:
    number = next((int(each) for each in said if each is not None), declared)
    unlimited = number is None or number >= _UNLIMITED
    return Limit(None if unlimited else number, paused=said[0] is not None)


def operation_slot(operation: str) -> str:
    """Name the slot that each job of an operation takes."""
    return f"operation:{operation}"


def resource_slot(resource: str) -> str:
    """Name the slot of a shared resource."""
    return f"resource:{resource}"
