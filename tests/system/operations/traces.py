"""Functions with their own spans and log lines."""

import asyncio
import logging

import structlog

from callboard import operation


def leave_traces(where: str) -> None:
    """Create a span, and write a line with each kind of logger."""
    from opentelemetry import trace  # noqa: PLC0415 — an extra

    with trace.get_tracer("function").start_as_current_span(f"work in {where}"):
        logging.getLogger("function").warning("said by logging")
        structlog.get_logger("function").warning("said by structlog")  # noqa: TID251
    structlog.contextvars.bind_contextvars(job="somebody else's", mine="mine")


@operation
def trace_in_thread() -> str:
    """Leave traces in the thread that runs the function."""
    leave_traces("thread")
    return "traced"


@operation
async def trace_in_loop() -> str:
    """Leave traces in tasks of an event loop."""
    await asyncio.sleep(0)
    await asyncio.create_task(asyncio.to_thread(leave_traces, "loop"))
    return "traced"


@operation(max_retries=1, backoff="50ms..100ms")
def quote(secret: str) -> None:
    """Fail with a text that quotes a parameter."""
    raise ValueError(f"cannot use {secret}")
