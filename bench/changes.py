"""Change jobs like workers, without any: `python -m bench.changes URL NAMESPACE`.

The plan is read from standard input, as a line of JSON. The ids are printed once the jobs exist.
A second line, a time by the machine's monotonic clock, says when to start; at the end it is
printed when each job finished.
"""

import heapq
import json
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import redis

from callboard.jobs.claim import claim
from callboard.jobs.fence import Fence
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.ids import new_job_id
from callboard.jobs.operation_limits import OperationLimits
from callboard.jobs.progress import LogBounds, ProgressReport, progress
from callboard.jobs.store import Store
from callboard.jobs.submission import Submission
from callboard.jobs.submit import submit

_LEASE: Final = timedelta(hours=1)
_LINE_EVERY: Final = 4

Step = tuple[float, int, Fence]


def main() -> None:
    """Create the jobs, wait for the start, and change them."""
    url, namespace = sys.argv[1:]
    plan = json.loads(sys.stdin.readline())
    store = Store(redis.Redis.from_url(url, protocol=2), namespace)
    watched = [claim_new_job(store) for _ in range(plan["watched"])]
    waited = [claim_new_job(store) for _ in range(plan["waited"])]
    ids = {"watched": [f.job_id for f in watched], "waited": [f.job_id for f in waited]}
    print(json.dumps(ids), flush=True)
    began = float(sys.stdin.readline())
    print(json.dumps(_change(store, began, (watched, waited), plan)), flush=True)


def claim_new_job(store: Store) -> Fence:
    """Submit a job of an unknown operation, and claim it."""
    submission = Submission(job_id=new_job_id(), operation="bench", params={})
    submit(store, submission, max_active=10**6, limits=OperationLimits(10**6))
    claimed = claim(
        store, submission.job_id, token="bench", worker="bench", lease=_LEASE, limits={}
    )
    assert claimed.fence is not None
    return claimed.fence


def _change(
    store: Store, began: float, jobs: tuple[list[Fence], list[Fence]], plan: dict[str, Any]
) -> dict[str, float]:
    """Report and finish at the times of the plan, and return the time of each finish."""
    pause = threading.Event()
    watched, waited = jobs
    finished: dict[str, float] = {}
    outcome = encode_result({"done": True}, max_bytes=1000)
    steps = heapq.merge(_reports(watched, plan), _finishes(waited, plan), key=lambda step: step[0])
    for at, number, fence in steps:
        pause.wait(max(0.0, began + at - time.monotonic()))
        if number < 0:
            # Just before: the change is made and published during this call.
            finished[fence.job_id] = time.monotonic()
            finish(store, fence, outcome)
            continue
        lines = [f"{time.time():.3f} line {number}"] if number % _LINE_EVERY == 0 else []
        report = ProgressReport(percent=number % 1000 / 10, lines=lines)
        progress(store, fence, report, bounds=LogBounds())
    return finished


def _reports(watched: list[Fence], plan: dict[str, Any]) -> Iterator[Step]:
    a_second = plan["reports"] * len(watched)
    interval = 1 / a_second if a_second else 0
    for number in range(int(plan["seconds"] * a_second)):
        yield number * interval, number // len(watched), watched[number % len(watched)]


def _finishes(waited: list[Fence], plan: dict[str, Any]) -> Iterator[Step]:
    for at, index in sorted(plan["finishes"]):
        yield at, -1, waited[index]


if __name__ == "__main__":
    main()
