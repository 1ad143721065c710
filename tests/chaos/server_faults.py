"""Faults of Redis and RabbitMQ, and what operators do to limits meanwhile."""

import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final, Literal, TypeVar

from pika.exceptions import AMQPError
from redis.exceptions import RedisError

from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.limit import limit
from tests.chaos.history import now_ms
from tests.chaos.loss import lose_records
from tests.chaos.plan import Fault
from tests.chaos.plant import suppress_gone
from tests.chaos.scene import DECLARED, Scene
from tests.eventually import eventually

T = TypeVar("T")
Source = Literal["operator", "pause"]

CHANGES: Final[Mapping[str, tuple[int, ...]]] = {
    "operation:narrow": (1, 3),
    "operation:latest": (1, 4),
    "resource:gpu": (1, 3),
}
PAUSED: Final = ("operation:narrow", "operation:latest", "operation:choosy")
_RETURN_SECONDS: Final = 120.0
_COMMAND_SECONDS: Final = 300.0
_NO_MEMORY, _USUAL_MEMORY = "0.000001", "0.4"


def kill_redis(scene: Scene, fault: Fault) -> None:
    """SIGKILL Redis and start it again with what it wrote."""
    scene.did("kill", "redis", seconds=fault.lasts)
    scene.plant.redis.kill()
    scene.last(fault)
    scene.plant.start_again(scene.plant.redis)


def freeze_redis(scene: Scene, fault: Fault) -> None:
    """SIGSTOP Redis for a while."""
    scene.did("freeze", "redis", seconds=fault.lasts)
    scene.plant.redis.pause()
    scene.last(fault)
    scene.plant.redis.resume()


def kill_rabbitmq(scene: Scene, fault: Fault) -> None:
    """SIGKILL RabbitMQ and start it again with what it wrote."""
    scene.did("kill", "rabbitmq", seconds=fault.lasts)
    scene.plant.rabbitmq.kill()
    scene.last(fault)
    scene.plant.start_again(scene.plant.rabbitmq)


def wipe_rabbitmq(scene: Scene, fault: Fault) -> None:
    """SIGKILL RabbitMQ and start it again with nothing."""
    scene.did("wipe", "rabbitmq", seconds=fault.lasts)
    scene.plant.rabbitmq.wipe()
    scene.last(fault)
    scene.plant.start_again(scene.plant.rabbitmq)
    scene.messages_lost_ms = now_ms()


def purge_queues(scene: Scene, _fault: Fault) -> None:
    """Throw all waiting messages away."""
    try:
        with scene.plant.rabbitmq.connect() as connection:
            done = connection.channel().queue_purge(f"{scene.plant.namespace}.default")
    except AMQPError:
        return  # there is no queue yet, or RabbitMQ is just starting
    finally:
        scene.messages_lost_ms = now_ms()
    scene.did("purge", "rabbitmq", messages=done.method.message_count)


def alarm_rabbitmq(scene: Scene, fault: Fault) -> None:
    """Let RabbitMQ believe that its memory is full: it takes no messages for a while."""
    _command(scene, _NO_MEMORY)
    scene.did("alarm", "rabbitmq", seconds=fault.lasts)
    scene.last(fault)
    _command(scene, _USUAL_MEMORY)


def lose_some_records(scene: Scene, fault: Fault) -> None:
    """Make Redis lose queued jobs whose messages RabbitMQ has, while workers look away."""
    with _frozen(scene):
        scene.last(fault)
        since_ms = scene.messages_lost_ms
        lost = _answered(lambda: lose_records(scene.plant.store, most=5, since_ms=since_ms))
    if not lost:
        return
    scene.did("lose", "records", jobs=lost)
    # Their messages are all that is left of them, so these must not be lost, too.
    gone = set(lost)
    with suppress(AssertionError):  # the verdict says what did not come back
        eventually(
            lambda: not _still_lost(scene, gone),
            what="the jobs come back from their messages",
            timeout=_RETURN_SECONDS,
            interval=0.2,
            ignoring=RedisError,
        )


def pause_operation(scene: Scene, fault: Fault) -> None:
    """Pause an operation for a while, as an operator does."""
    slot = scene.dice.choice(PAUSED)
    _set_limit(scene, slot, 0, was=DECLARED[slot], source="pause")
    scene.last(fault)
    _set_limit(scene, slot, None, was=0, source="pause")


def change_limit(scene: Scene, fault: Fault) -> None:
    """Change a limit for a while, as an operator does."""
    slot = scene.dice.choice(list(CHANGES))
    places = scene.dice.choice(CHANGES[slot])
    _set_limit(scene, slot, places, was=DECLARED[slot], source="operator")
    scene.last(fault)
    _set_limit(scene, slot, None, was=places, source="operator")


FAULTS: Final[Mapping[str, Callable[[Scene, Fault], None]]] = {
    function.__name__: function
    for function in (
        kill_redis,
        freeze_redis,
        kill_rabbitmq,
        wipe_rabbitmq,
        purge_queues,
        alarm_rabbitmq,
        lose_some_records,
        pause_operation,
        change_limit,
    )
}


def _still_lost(scene: Scene, gone: set[str]) -> set[str]:
    """Take out of `gone` what came back, also if it has been purged since."""
    store = scene.plant.store
    for job_id in list(gone):
        purged = store.redis.zscore(store.keys("tombstones"), f"{job_id} default")
        if purged is not None or store.redis.exists(store.keys("job", job_id)):
            gone.discard(job_id)
    return gone


def _set_limit(scene: Scene, slot: str, places: int | None, *, was: int, source: Source) -> None:
    will_be = DECLARED[slot] if places is None else places
    _note_limits(scene, {slot: max(was, will_be)})
    _answered(lambda: limit(scene.plant.store, {slot: places}, source=source))
    _note_limits(scene, {slot: will_be})
    scene.did(source, slot, places=places)


def _note_limits(scene: Scene, changed: Mapping[str, int]) -> None:
    said = {"from": "limits", "at": now_ms(), "limits": {**DECLARED, **changed}}
    scene.plant.history.add(said)


def _command(scene: Scene, memory: str) -> None:
    eventually(
        lambda: [scene.plant.rabbitmq.ctl("set_vm_memory_high_watermark", memory)],
        what="RabbitMQ takes the command",
        timeout=_COMMAND_SECONDS,
        ignoring=(AssertionError, subprocess.TimeoutExpired),
    )


def _answered(call: Callable[[], T]) -> T:
    """Ask Redis until it answers; what is asked may be repeated."""
    pause = threading.Event()
    while True:
        try:
            return call()
        except (StoreUnavailable, RedisError):
            pause.wait(0.5)


@contextmanager
def _frozen(scene: Scene) -> Iterator[None]:
    processes = [each for service in scene.plant.workers for each in service.workers()]
    for process in processes:
        with suppress_gone():
            process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress_gone():
                process.resume()
