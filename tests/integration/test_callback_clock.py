"""Callbacks are signed with the time of Redis, whatever clock their worker has."""

from callboard.jobs.store import Store
from tests.office import Office
from tests.receiver import Receiver


class AheadStore(Store):
    """A store in a Redis whose clock is six minutes ahead of this machine's."""

    def now_ms(self) -> int:
        return super().now_ms() + 360_000


def test_the_time_of_a_callback_is_that_of_redis_whatever_the_clock_of_the_worker_says() -> None:
    office = Office()
    with Receiver() as receiver:
        dispatcher = office.dispatcher(receiver)
        dispatcher._store = AheadStore(office.world.redis, "test", testing=True)
        office.job(receiver)

        office.round(dispatcher)
        (request,) = receiver.received

    sent_at = int(dict(request.headers)["webhook-timestamp"])
    assert abs(sent_at - office.world.store.now_ms() / 1000 - 360) < 30
    office.close()
