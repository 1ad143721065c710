"""Schedules in a running process: from the file at its start to a final job."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from callboard.actors.runs import Runs
from callboard.actors.watchdog.thread_watch import Watchdog
from callboard.actors.worker_heartbeat import WorkerHeartbeat
from callboard.jobs.clock import moment
from callboard.jobs.schedules.records import list_schedules, read_schedule, remove_schedule
from callboard.jobs.store import ScriptAnswer, Store
from tests.eventually import eventually
from tests.integration.test_embedded_worker import Embedded
from tests.ticks import set_next


@pytest.fixture
def embedded(namespace: str, tmp_path: Path) -> Iterator[Embedded]:
    path = tmp_path / "schedules.toml"
    path.write_text(
        '[yearly]\ncron = "0 0 1 1 *"\noperation = "echo"\nparams = { text = "hello" }\n'
    )
    made = Embedded(namespace, shutdown_grace="0s", schedules_file=str(path))
    made.start()
    yield made
    made.stop()


@pytest.mark.alone
def test_a_files_schedule_ticks_within_a_second_of_its_time(
    embedded: Embedded,
) -> None:
    store = embedded.store
    names = store.keys("schedules")
    eventually(lambda: store.redis.zcard(names) == 1, what="the file's schedule is in Redis")
    eventually(lambda: store.redis.exists(store.keys("leader")), what="somebody leads")
    tick = moment(store.now_ms()) + timedelta(milliseconds=700)

    set_next(store, "yearly", tick)
    last = eventually(lambda: read_schedule(store, "yearly").last, what="the tick was taken")
    assert last is not None
    assert last.job_id is not None
    ended = embedded.ended(last.job_id)

    assert (ended.status, ended.labels) == ("succeeded", {"schedule": "yearly"})
    assert timedelta(0) <= ended.created_at - tick < timedelta(seconds=1)
    assert ended.started_at is not None
    assert ended.started_at - tick < timedelta(seconds=1.5)
    assert read_schedule(store, "yearly").next_at > tick


def test_after_a_loss_of_redis_data_the_files_schedules_are_restored(embedded: Embedded) -> None:
    store = embedded.store
    names = store.keys("schedules")
    eventually(lambda: store.redis.zcard(names) == 1, what="the file's schedule is in Redis")

    store.redis.flushall()
    embedded.lifecycle.worker_heartbeat.send()

    # The worker's own heartbeat may have been first; then it declares the schedules.
    eventually(lambda: list_schedules(store), what="the schedule is there again")
    assert [each.name for each in list_schedules(store)] == ["yearly"]


class _LosesAll(Store):
    """A store whose Redis loses all data just before the first heartbeat."""

    lost = False

    def run(self, name: str, key: str, **arguments: Any) -> ScriptAnswer:
        if name == "heartbeat_worker" and not self.lost:
            self.lost = True
            self.redis.flushall()
        return super().run(name, key, **arguments)


def test_after_a_loss_just_before_a_heartbeat_the_schedules_are_restored(
    embedded: Embedded,
) -> None:
    names = embedded.store.keys("schedules")
    eventually(lambda: embedded.store.redis.zcard(names) == 1, what="the schedule is in Redis")
    store = _LosesAll(embedded.store.redis, embedded.container.settings.namespace)
    container = dataclasses.replace(embedded.container, store=store)
    watchdog = Watchdog(Runs(), stuck_after=timedelta(minutes=1), drain=None)

    WorkerHeartbeat(container, "another", Runs(), watchdog).send()

    assert store.lost
    assert [each.name for each in list_schedules(store)] == ["yearly"]


def test_a_schedule_removed_by_a_later_file_stays_removed(embedded: Embedded) -> None:
    store = embedded.store
    names = store.keys("schedules")
    eventually(lambda: store.redis.zcard(names) == 1, what="the file's schedule is in Redis")
    embedded.lifecycle.worker_heartbeat.send()

    remove_schedule(store, "yearly", source="file")
    embedded.lifecycle.worker_heartbeat.send()

    assert list_schedules(store) == []
