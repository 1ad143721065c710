"""The check process: it knows the operations, and validates what the web process sends."""

import os
import select
import sys
import threading
from collections.abc import Mapping
from typing import Any, NoReturn

from callboard.actors.isolation.channel import Closed, MessageChannel
from callboard.actors.isolation.operations_process import begin
from callboard.jobs.checked_parameters import Digests
from callboard.jobs.errors import InvalidParameters, OperationError, OperationFault
from callboard.jobs.registry import Registry, discover
from callboard.ops.checking.messages import packed, record_of, unpacked, written_use
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

log = get_logger(__name__)


def main(spec: Mapping[str, Any]) -> NoReturn:
    """Import the operations, then answer requests until the web process ends.

    Args:
        spec: of an `OperationsProcess`.
    """
    end = begin(spec)
    threading.Thread(target=_end_with, args=(end.fileno(),), daemon=True).start()
    try:
        registry = discover(spec["modules"])
    except OperationError as error:
        log.critical(LogEvent.CHECK_PROCESS_FAILED, reason=str(error))
        sys.exit(2)
    serve(MessageChannel(end), registry)
    os._exit(0)


def serve(channel: MessageChannel, registry: Registry) -> None:
    """Answer requests one after another until the web process closes the connection."""
    try:
        channel.send({"kind": "ready"})
        while (asked := channel.receive(None)) is not None:
            channel.send(answer(registry, asked))
    except Closed:
        return


def answer(registry: Registry, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Validate parameters.

    Args:
        registry: the operations.
        asked: `operation`; `params`, packed; `files`, the records of those that the parameters
            name, or None where these are not known yet.
    """
    operation = registry.get(asked["operation"])
    try:
        found = operation.validated(unpacked(asked["params"]))
        records = None if asked["files"] is None else map(record_of, asked["files"])
        known = {each.id: each for each in records or ()}
        tells = records is not None or not found.uses
        digests = found.digests(known) if tells else Digests(None, {})
    except InvalidParameters as error:
        return {"kind": "invalid", "errors": error.errors}
    except OperationFault as error:
        return {
            "kind": "fault",
            "text": str(error),
            "exception": error.exception,
            "stack": error.stack,
        }
    params = packed(found.params)
    return {
        "kind": "valid",
        "params": None if params == asked["params"] else params,
        "uses": [written_use(each) for each in found.uses],
        "fingerprint": digests.fingerprint,
        "values": dict(digests.values),
    }


def _end_with(end: int) -> NoReturn:
    """End this process with the web process, whatever a validator does at that moment."""
    gone = select.poll()
    gone.register(end, select.POLLRDHUP)
    gone.poll()
    os._exit(0)
