"""greet: say that a worker lives, what it knows and what it runs."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from callboard.jobs.record import pairs
from callboard.jobs.store import Store
from callboard.jobs.submission import milliseconds

HELLO_LASTS: Final = timedelta(seconds=30)


def greet(
    store: Store, worker: str, fields: Mapping[str, str], *, operations: Sequence[str]
) -> None:
    """Keep the worker in the fleet for another 30 s.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    store.run(
        "greet_fleet",
        store.keys("workers"),
        worker=worker,
        fields=json.dumps(dict(fields)),
        operations=json.dumps(list(operations)),
        lasts_ms=milliseconds(HELLO_LASTS),
    )


def part(store: Store, worker: str) -> None:
    """Take a worker out of the fleet at once; repeating it does no harm.

    Raises:
        StoreUnavailable: Redis does not answer; the worker is forgotten after 30 s.
    """
    store.run(
        "part_worker", store.keys("workers"), worker=worker, lasts_ms=milliseconds(HELLO_LASTS)
    )


def fleet(store: Store) -> dict[str, dict[str, str]]:
    """List the workers that said hello lately, with what they said.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (names,) = store.pipeline(("ZRANGE", store.keys("workers"), 0, -1))
    workers = [name.decode() for name in names]
    if not workers:
        return {}
    replies = store.pipeline(*(("HGETALL", store.keys("worker", name)) for name in workers))
    return {name: pairs(said) for name, said in zip(workers, replies, strict=True) if said}
