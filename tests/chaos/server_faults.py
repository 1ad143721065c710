"""Faults of Redis and RabbitMQ, and changes of limits by operators."""

import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final, Literal, TypeVar

from pika.exceptions import AMQPError
from redis.exceptions import RedisError

from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.limit import limit
from tests.chaos.fault_context import DECLARED, FaultContext
from tests.chaos.history import now_ms
from tests.chaos.installation import suppress_gone
from tests.chaos.loss import lose_records
from tests.chaos.plan import Fault
from tests.eventually import eventually

T = TypeVar("T")
Source = Literal["operator", "pause"]

CHANGES: Final[Mapping[str, tuple[int, ...]]] = {
    "operation:narrow": (1, 3),
    "operation:latest": (1, 4),
    "resource:gpu": (1, 3),
    "per:shared:topic": (1, 3),
    "per:owned:tenant": (1, 4),
}
PAUSED: Final = (
    "operation:narrow",
    "operation:latest",
    "operation:choosy",
    "operation:shared",
)
_RETURN_SECONDS: Final = 120.0
_COMMAND_SECONDS: Final = 300.0
_NO_MEMORY, _USUAL_MEMORY = "0.000001", "0.4"


def kill_redis(fault_context: FaultContext, fault: Fault) -> None:
    """SIGKILL Redis and restart it with its data."""
    fault_context.did("kill", "redis", seconds=fault.lasts)
    fault_context.chaos_installation.redis.kill()
    fault_context.last(fault)
    fault_context.chaos_installation.start_again(fault_context.chaos_installation.redis)


def freeze_redis(fault_context: FaultContext, fault: Fault) -> None:
    """SIGSTOP Redis for a while."""
    fault_context.did("freeze", "redis", seconds=fault.lasts)
    fault_context.chaos_installation.redis.pause()
    fault_context.last(fault)
    fault_context.chaos_installation.redis.resume()


def kill_rabbitmq(fault_context: FaultContext, fault: Fault) -> None:
    """SIGKILL RabbitMQ and restart it with its data."""
    fault_context.did("kill", "rabbitmq", seconds=fault.lasts)
    fault_context.chaos_installation.rabbitmq.kill()
    fault_context.last(fault)
    fault_context.chaos_installation.start_again(fault_context.chaos_installation.rabbitmq)


def wipe_rabbitmq(fault_context: FaultContext, fault: Fault) -> None:
    """SIGKILL RabbitMQ and restart it without data."""
    fault_context.did("wipe", "rabbitmq", seconds=fault.lasts)
    fault_context.chaos_installation.rabbitmq.wipe()
    fault_context.last(fault)
    fault_context.chaos_installation.start_again(fault_context.chaos_installation.rabbitmq)
    fault_context.messages_lost_ms = now_ms()


def purge_queues(fault_context: FaultContext, _fault: Fault) -> None:
    """Purge all waiting messages."""
    try:
        with fault_context.chaos_installation.rabbitmq.connect() as connection:
            done = connection.channel().queue_purge(
                f"{fault_context.chaos_installation.namespace}.default"
            )
    except AMQPError:
        return  # there is no queue yet, or RabbitMQ is just starting
    finally:
        fault_context.messages_lost_ms = now_ms()
    fault_context.did("purge", "rabbitmq", messages=done.method.message_count)


def alarm_rabbitmq(fault_context: FaultContext, fault: Fault) -> None:
    """Raise a memory alarm in RabbitMQ: it accepts no messages for a while."""
    _command(fault_context, _NO_MEMORY)
    fault_context.did("alarm", "rabbitmq", seconds=fault.lasts)
    fault_context.last(fault)
    _command(fault_context, _USUAL_MEMORY)


def lose_some_records(fault_context: FaultContext, fault: Fault) -> None:
    """Make Redis lose queued jobs whose messages RabbitMQ has, while workers are paused."""
    with _frozen(fault_context):
        fault_context.last(fault)
        since_ms = fault_context.messages_lost_ms
        lost = _answered(
            lambda: lose_records(fault_context.chaos_installation.store, most=5, since_ms=since_ms)
        )
    if not lost:
        return
    fault_context.did("lose", "records", jobs=lost)
    # Only their messages are left, so these must not be lost, too.
    gone = set(lost)
    with suppress(AssertionError):  # the verdict reports jobs that are not recovered
        eventually(
            lambda: not _still_lost(fault_context, gone),
            what="the jobs come back from their messages",
            timeout=_RETURN_SECONDS,
            interval=0.2,
            ignoring=RedisError,
        )


def pause_operation(fault_context: FaultContext, fault: Fault) -> None:
    """Pause an operation for a while, as an operator does."""
    slot = fault_context.dice.choice(PAUSED)
    _set_limit(fault_context, slot, 0, was=DECLARED[slot], source="pause")
    fault_context.last(fault)
    _set_limit(fault_context, slot, None, was=0, source="pause")


def change_limit(fault_context: FaultContext, fault: Fault) -> None:
    """Change a limit for a while, as an operator does."""
    slot = fault_context.dice.choice(list(CHANGES))
    places = fault_context.dice.choice(CHANGES[slot])
    _set_limit(fault_context, slot, places, was=DECLARED[slot], source="operator")
    fault_context.last(fault)
    _set_limit(fault_context, slot, None, was=places, source="operator")


FAULTS: Final[Mapping[str, Callable[[FaultContext, Fault], None]]] = {
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


def _still_lost(fault_context: FaultContext, gone: set[str]) -> set[str]:
    """Remove recovered jobs from `gone`, even if they have been purged since."""
    store = fault_context.chaos_installation.store
    for job_id in list(gone):
        purged = store.redis.zscore(store.keys("tombstones"), f"{job_id} default")
        if purged is not None or store.redis.exists(store.keys("job", job_id)):
            gone.discard(job_id)
    return gone


def _set_limit(
    fault_context: FaultContext, slot: str, places: int | None, *, was: int, source: Source
) -> None:
    will_be = DECLARED[slot] if places is None else places
    _note_limits(fault_context, {slot: max(was, will_be)})
    _answered(lambda: limit(fault_context.chaos_installation.store, {slot: places}, source=source))
    _note_limits(fault_context, {slot: will_be})
    fault_context.did(source, slot, places=places)


def _note_limits(fault_context: FaultContext, changed: Mapping[str, int]) -> None:
    said = {"from": "limits", "at": now_ms(), "limits": {**DECLARED, **changed}}
    fault_context.chaos_installation.history.add(said)


def _command(fault_context: FaultContext, memory: str) -> None:
    eventually(
        lambda: [
            fault_context.chaos_installation.rabbitmq.ctl("set_vm_memory_high_watermark", memory)
        ],
        what="RabbitMQ takes the command",
        timeout=_COMMAND_SECONDS,
        ignoring=(AssertionError, subprocess.TimeoutExpired),
    )


def _answered(call: Callable[[], T]) -> T:
    """Call Redis until it answers; the call may be repeated."""
    pause = threading.Event()
    while True:
        try:
            return call()
        except (StoreUnavailable, RedisError):
            pause.wait(0.5)


@contextmanager
def _frozen(fault_context: FaultContext) -> Iterator[None]:
    processes = [
        each for service in fault_context.chaos_installation.workers for each in service.workers()
    ]
    for process in processes:
        with suppress_gone():
            process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress_gone():
                process.resume()
