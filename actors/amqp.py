"""What all our RabbitMQ connections share: bounded parameters and the arguments of a queue."""

import logging
from typing import Any, Final

import pika

from callboard.actors.levels import QueueType
from callboard.config.tls import TLS
from callboard.jobs.connection.process_name import ProcessName
from callboard.jobs.connection.tls_faults import ended_within_tls, tls_fault
from callboard.jobs.server_versions import numbers_of

HEARTBEAT_S: Final = 20
CONNECT_S: Final = 3
HANDSHAKE_S: Final = 5
BLOCKED_S: Final = 300
SYSTEM: Final = TLS()
UNNAMED: Final = ProcessName()

UNLIMITED_DELIVERIES_SINCE: Final = (4,)


def connection_parameters(
    url: str, *, name: str, process: ProcessName = UNNAMED, tls: TLS = SYSTEM
) -> pika.URLParameters:
    """Bound every wait of a connection, and name it for the management UI.

    Args:
        url: `amqp://` or `amqps://`; its heartbeat and timeouts are overridden.
        name: the purpose of the connection, such as `publisher`.
        process: the process that connects.
        tls: for `amqps://`: the certificate files, which are read for each connection.

    Raises:
        OSError: a certificate file cannot be used.
        ValueError: the URL cannot be read.
    """
    # The options of a URL are ignored; pika does not know some that the settings accept.
    parameters = pika.URLParameters(url.partition("?")[0])
    parameters.heartbeat = HEARTBEAT_S
    parameters.socket_timeout = CONNECT_S
    parameters.stack_timeout = HANDSHAKE_S
    parameters.blocked_connection_timeout = BLOCKED_S
    parameters.connection_attempts = 1
    if parameters.ssl_options is not None:
        parameters.ssl_options = pika.SSLOptions(tls.context())
    parameters.client_properties = {"connection_name": f"callboard {name}: {process}"}
    return parameters


def queue_arguments(
    queue_type: QueueType, max_priority: int, server_version: str
) -> dict[str, Any]:
    """Return the arguments that our queues are declared with, the same in every process.

    Quorum queues refuse `x-max-priority`. Their delivery limit (20 by default since 4.0) is
    removed, since a message returns at each shutdown of a worker; before 4.0 there is none, and
    a negative limit drops messages at their first return.
    """
    if queue_type == "classic":
        return {"x-max-priority": max_priority}
    arguments: dict[str, Any] = {"x-queue-type": "quorum"}
    if numbers_of(server_version) >= UNLIMITED_DELIVERIES_SINCE:
        arguments["x-delivery-limit"] = -1
    return arguments


def is_only_delivery_limit(refusal: str) -> bool:
    """Return whether a refused queue differs only in its delivery limit.

    This is so for a queue that was declared before RabbitMQ 4.0; it works as well.
    """
    return "inequivalent arg 'x-delivery-limit'" in refusal


def server_version(properties: dict[str, Any] | None) -> str:
    """Return RabbitMQ's version from the handshake, or an empty text."""
    version = (properties or {}).get("version", "")
    return version.decode() if isinstance(version, bytes) else str(version)


def reason_of(error: BaseException) -> str:
    """Describe an error of the connection in one line without passwords."""
    if (fault := tls_fault(error)) is not None:
        return fault
    if ended_within_tls(error):
        return (
            "it hung up without giving a reason; if this repeats, it may require a certificate: "
            "CALLBOARD_TLS_CERT_FILE"
        )
    # Pika wraps the cause in the error of its last attempt, and that in another.
    causes: tuple[object, ...] = (*error.args, *getattr(error, "exceptions", ()))
    for cause in (getattr(error, "exception", None), *reversed(causes)):
        if isinstance(cause, BaseException):
            return reason_of(cause)
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def silence_pika() -> None:
    """Suppress pika's own log lines, several for each lost connection: we write one."""
    logging.getLogger("pika").setLevel(logging.CRITICAL)
