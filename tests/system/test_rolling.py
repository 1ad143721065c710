"""All processes are replaced under load, as in `python -m bench.rolling`."""

import pytest

from bench.rolling import Load, measure
from tests.system.stack import Stack

PROCESSES = 2


@pytest.mark.timeout(240)
def test_no_client_notices_that_all_processes_are_replaced(stack: Stack) -> None:
    stack.start(workers=2, CALLBOARD_WEB_CONCURRENCY=str(PROCESSES))

    figures = measure(stack, Load(jobs=15, long=10, seconds=9))

    assert figures["failed_requests"] == 0, figures
    assert figures["statuses"] == {"succeeded": 135}
    assert (figures["counted_failures"], figures["counted_crashes"]) == (0, 0)
    log = stack.started[0].log.read_text("utf-8")
    serving, exiting = log.split("Serving (pid"), log.index("Worker exiting")
    # Otherwise connections would have waited in the backlog until new processes were ready.
    assert len(serving) - 1 == 2 * PROCESSES
    assert len("Serving (pid".join(serving[: PROCESSES + 1])) < exiting
    assert "Traceback" not in log
