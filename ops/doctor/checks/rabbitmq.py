"""Checks that RabbitMQ can be reached and used, and has the queues that we declare."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, Final

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker, ConnectionBlockedTimeout

from callboard.actors.amqp import (
    connection_parameters,
    is_only_delivery_limit,
    queue_arguments,
    reason_of,
    server_version,
    silence_pika,
)
from callboard.actors.levels import HIGHEST_LEVEL
from callboard.actors.wakeups import queue_name
from callboard.config import Settings
from callboard.jobs.connection.process_name import ProcessName
from callboard.jobs.server_versions import numbers_of
from callboard.ops.doctor.result import CheckResult

OLDEST_VERSION: Final = (3, 10)
_BLOCKED_S: Final = 3.0
_NOT_FOUND: Final = 404


@dataclass(frozen=True)
class Queues:
    """The queues that exist.

    Attributes:
        version: of RabbitMQ.
        there: those that exist, by name, with how many consumers each has.
    """

    version: str
    there: Mapping[str, int]


class Rabbitmq:
    """A connection that tries what web and workers need of RabbitMQ.

    Raises:
        AMQPError: no connection can be made.
        OSError: the same.
    """

    def __init__(self, settings: Settings) -> None:
        silence_pika()
        url = "" if settings.broker_url is None else settings.broker_url.get_secret_value()
        parameters = connection_parameters(
            url,
            name="doctor",
            process=ProcessName("callboardctl", settings.namespace),
            tls=settings.tls,
        )
        parameters.blocked_connection_timeout = _BLOCKED_S
        self._settings = settings
        self._connection = pika.BlockingConnection(parameters)
        self.version = server_version(self._connection._impl.server_properties)  # noqa: SLF001

    def close(self) -> None:
        """Hang up."""
        with suppress(AMQPError):
            self._connection.close()

    def look(self, names: Iterable[str]) -> tuple[list[CheckResult], Queues]:
        """Look at everything.

        Args:
            names: of the queues that are used, without the namespace.

        Raises:
            AMQPError: the connection is lost.
        """
        results = [self._look_at_version(), *self._try_queue()]
        there: dict[str, int] = {}
        if self._connection.is_open:
            wanted = [queue_name(self._settings.namespace, name) for name in sorted(set(names))]
            there = {name: found for name in wanted if (found := self._consumers(name)) is not None}
            results += self._look_at_arguments(there)
            results += _unheard(there)
        return results, Queues(self.version, there)

    def _look_at_version(self) -> CheckResult:
        numbers = numbers_of(self.version)
        if numbers and numbers < OLDEST_VERSION:
            says = f"RabbitMQ {self.version} is older than 3.10."
            return CheckResult("rabbitmq version", "warning", says, "Install a newer version.")
        return CheckResult("rabbitmq version", "ok", f"RabbitMQ {self.version}.")

    def _try_queue(self) -> Iterator[CheckResult]:
        """Declare a queue of our own, publish to it, fetch from it and remove it."""
        # Exclusive, so that RabbitMQ removes it with the connection, whatever happens.
        name = f"{self._settings.namespace}.doctor.{secrets.token_hex(6)}"
        try:
            channel = self._connection.channel()
            channel.confirm_delivery()
            channel.queue_declare(name, exclusive=True, auto_delete=True)
            channel.basic_publish("", name, b"doctor", mandatory=True)
            _method, _properties, body = channel.basic_get(name, auto_ack=True)
            channel.queue_delete(name)
        except ConnectionBlockedTimeout:
            yield CheckResult(
                "rabbitmq alarms",
                "problem",
                "RabbitMQ accepts no messages: memory or disk space is low.",
                "rabbitmqctl status shows the alarms. Until they clear, jobs wait in the outbox.",
            )
            return
        except (AMQPError, ValueError) as error:
            ours = f"'^{self._settings.namespace}\\.'"
            yield CheckResult(
                "rabbitmq rights",
                "problem",
                f"The RabbitMQ user may not use queues: {reason_of(error)}",
                f"rabbitmqctl set_permissions -p <vhost> <user> {ours} '.*' {ours}",
            )
            return
        if body == b"doctor":
            yield CheckResult("rabbitmq rights", "ok", "The user may declare, publish and consume.")
            yield CheckResult("rabbitmq alarms", "ok", "No alarm blocks publishing.")
        else:
            yield CheckResult(
                "rabbitmq rights", "problem", "A confirmed message was not delivered."
            )

    def _consumers(self, queue: str) -> int | None:
        """Count a queue's consumers; None if there is no such queue."""
        try:
            channel = self._connection.channel()
            found = channel.queue_declare(queue, passive=True)
            channel.close()
        except ChannelClosedByBroker as error:
            if error.reply_code == _NOT_FOUND:
                return None
            raise
        count: int = found.method.consumer_count
        return count

    def _look_at_arguments(self, there: Iterable[str]) -> Iterator[CheckResult]:
        arguments = queue_arguments(self._settings.queue_type, HIGHEST_LEVEL, self.version)
        other = [said for name in there if (said := self._refusal(name, arguments))]
        if other:
            yield CheckResult(
                "rabbitmq queues",
                "warning",
                f"{len(other)} queue{'s differ' if len(other) > 1 else ' differs'} from what this "
                "version declares. Jobs run, but without the newer arguments.",
                "Once the queue is empty, stop all workers, run rabbitmqctl delete_queue <name>, "
                "and start them; they declare it again and jobs reappear.",
                tuple(other[:3]),
            )
        elif there:
            yield CheckResult(
                "rabbitmq queues", "ok", "The queues match what this version declares."
            )
        else:
            yield CheckResult(
                "rabbitmq queues", "note", "No queues exist yet; workers declare them."
            )

    def _refusal(self, queue: str, arguments: dict[str, Any]) -> str | None:
        try:
            channel = self._connection.channel()
            channel.queue_declare(queue, durable=True, arguments=arguments)
            channel.close()
        except ChannelClosedByBroker as error:
            if is_only_delivery_limit(error.reply_text):
                return None
            return str(error.reply_text).removeprefix("PRECONDITION_FAILED - ")
        return None


def check_rabbitmq(settings: Settings, names: Iterable[str]) -> tuple[list[CheckResult], Queues]:
    """Yield the results of all checks of RabbitMQ, also if it does not answer."""
    try:
        with closing(Rabbitmq(settings)) as rabbitmq:
            found, queues = rabbitmq.look(names)
    except (AMQPError, OSError) as error:
        return [
            CheckResult(
                "rabbitmq",
                "problem",
                f"RabbitMQ is unavailable: {reason_of(error)}",
                "Start it, or correct CALLBOARD_BROKER_URL. Jobs are kept, and start afterwards.",
            )
        ], Queues("", {})
    return [CheckResult("rabbitmq", "ok", "RabbitMQ answers."), *found], queues


def _unheard(there: Mapping[str, int]) -> Iterator[CheckResult]:
    silent = [name for name, consumers in there.items() if not consumers]
    if silent:
        yield CheckResult(
            "rabbitmq consumers",
            "warning",
            f"No consumers for {', '.join(silent)}.",
            "Start workers, or check in their logs why they are not connected.",
        )
