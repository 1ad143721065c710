"""Find what holds a whole process: `python -m bench.holding [PART OF A NAME]`.

It gives each of the worst requests to the application, in this process and on a Redis inside it,
and says how long another thread had no turn meanwhile, the processor's time that it took, and its
status. To see the slowest: `| sort -rn`. No servers are needed. Other load of the machine shows in
the first figure alone, of which the better one of two tries counts.
"""

import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from falcon import testing

from bench.worst_cases import Case, worst_cases
from callboard.jobs.operation import Operation
from callboard.jobs.registry import Registry
from callboard.ops.web import SWITCH_S
from tests.api_stage import Stage, echo

_BEAT_S: Final = 0.0005
_NAMES: Final = ("127.0.0.1", "falconframework.org")


class Beat(threading.Thread):
    """Notes the longest time in which it had no turn."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.longest_s = 0.0
        self._pause = threading.Event()

    def run(self) -> None:
        """Go on until told to stop."""
        last = time.perf_counter()
        while not self._pause.wait(_BEAT_S):
            now = time.perf_counter()
            self.longest_s, last = max(self.longest_s, now - last), now

    def stop(self) -> None:
        """End."""
        self._pause.set()


def ask(stage: Stage, beat: Beat, case: Case) -> tuple[float, float, str]:
    """Give the longest stop, the processor's time, both in seconds, and the status."""
    head, _, body = case.request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    path, _, query = target.partition("?")
    headers = dict(line.split(": ", 1) for line in lines)
    headers.pop("Content-Length", None)
    environ = testing.create_environ(
        path, query_string=query, method=method, headers=headers, body=body
    )
    answer = testing.StartResponseMock()
    beat.longest_s, began = 0.0, time.thread_time()
    b"".join(stage.app(environ, answer))
    return beat.longest_s, time.thread_time() - began, answer.status[:3]


def main() -> None:
    """Print a line for each request."""
    sys.path.insert(0, str(Path(__file__).parent / "targets"))
    sys.setswitchinterval(SWITCH_S)
    operations = [each for each in vars(__import__("attacked")).values() if type(each) is Operation]
    stage = Stage(registry=Registry([*operations, echo]), hosts=_NAMES, max_active=1_000_000)
    beat = Beat()
    beat.start()
    with closing(stage):
        job = stage.submit({"operation": "echo", "params": {"value": 1}}).json["id"]
        stage.succeed(job, "x" * 100)
        for case in worst_cases(job):
            if all(part in case.name for part in sys.argv[1:]):
                stop_s, took_s, status = min(ask(stage, beat, case) for _ in range(2))
                figures = f"{stop_s * 1000:8.1f} ms held {took_s * 1000:8.1f} ms of processor"
                print(f"{figures}  {status}  {case.name}", flush=True)
    beat.stop()


if __name__ == "__main__":
    main()
