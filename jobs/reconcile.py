"""reconcile: wake the queued jobs whose messages RabbitMQ lost."""

from collections.abc import Callable

from callboard.jobs.store import Store


def reconcile(store: Store, ready: Callable[[str], int | None], *, most: int = 200) -> int:
    """Compare each queue with the jobs that await it, and wake those whose message is lost.

    Args:
        store: where the jobs are.
        ready: how many messages wait in a queue, or None if unknown.
        most: how many jobs to look at in each queue.

    Returns:
        How many were woken.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    woken = 0
    (queues,) = store.pipeline(("SMEMBERS", store.keys("queues")))
    for queue in sorted(name.decode() for name in queues):
        messages = ready(queue)
        if messages is not None:
            answer = store.run(
                "reconcile_queue",
                store.keys("awaiting", queue),
                queue=queue,
                ready=messages,
                most=most,
            )
            woken += int(answer.values[0])
    return woken
