"""Callbacks are signed with the Redis time, whatever the worker's clock."""

from callboard.jobs.store import Store
from tests.callback_system import CallbackSystem
from tests.receiver import Receiver


class AheadStore(Store):
    """A store in a Redis whose clock is six minutes ahead of this machine's."""

    def now_ms(self) -> int:
        return super().now_ms() + 360_000


def test_a_callbacks_time_is_that_of_redis_whatever_the_workers_clock() -> None:
    callback_system = CallbackSystem()
    with Receiver() as receiver:
        dispatcher = callback_system.dispatcher(receiver)
        dispatcher._store = AheadStore(callback_system.job_system.redis, "test", testing=True)
        callback_system.job(receiver)

        callback_system.round(dispatcher)
        (request,) = receiver.received

    sent_at = int(dict(request.headers)["webhook-timestamp"])
    assert abs(sent_at - callback_system.job_system.store.now_ms() / 1000 - 360) < 30
    callback_system.close()
