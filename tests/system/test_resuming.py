"""A job resumes from its saved state on another worker."""

import signal

import pytest

from callboard.jobs.saved_state import read_state
from tests.eventually import eventually
from tests.system.stack import Stack


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_next_worker_resumes_where_the_last_one_was(stack: Stack, how: signal.Signals) -> None:
    settings = {"CALLBOARD_OPERATIONS": "tests.resuming_operations"}
    stack.start(workers=1, **settings)
    with stack.client() as client:
        job = client.submit("hold_on", {})
        eventually(lambda: read_state(stack.store, job["id"]), what="the state is saved")

        stack.started[1].signal(how)
        stack.worker(**settings)
        ended = client.wait(job["id"], timeout=40)

    assert (ended["status"], ended["attempt"]) == ("succeeded", 2)
    assert ended["result"] == "as far as this"
    assert read_state(stack.store, job["id"]) is None
