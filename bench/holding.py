"""Find requests that block a whole process: `python -m bench.holding [PART OF A NAME]`.

It sends each of the worst requests to the application, with fakeredis and a check process. It
prints how long no other thread ran, or how long the request ran without yielding to the loop,
whichever is longer; then the processor time of the request here, and its status. To see the
slowest: `| sort -rn`.

All times are processor times of this process, so that other load of the machine matters little.
"""

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import falcon
from falcon import testing

from bench.worst_cases import Case, worst_cases
from callboard.api.app import create_app
from callboard.jobs.operation import Operation
from callboard.jobs.registry import Registry
from callboard.ops.checking.process import CheckProcess
from callboard.ops.servers.web import MAX_COMPUTED, give_turns
from tests.api_app import ApiApp, echo

if TYPE_CHECKING:
    from callboard.api.request import Request

T = TypeVar("T")

_BEAT_S: Final = 0.0005
_NAMES: Final = ("127.0.0.1", "falconframework.org")


class Beat(threading.Thread):
    """Records the longest processor time during which it did not run."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.max_s = 0.0
        self._pause = threading.Event()

    def run(self) -> None:
        """Run until stopped."""
        last = time.process_time()
        while not self._pause.wait(_BEAT_S):
            now = time.process_time()
            self.max_s, last = max(self.max_s, now - last), now

    def stop(self) -> None:
        """End."""
        self._pause.set()


class Loop:
    """The thread of the requests, which yields while a call runs elsewhere."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(MAX_COMPUTED)
        self.restart()

    def restart(self) -> None:
        """Start to measure."""
        self.max_s, self._since = 0.0, time.thread_time()

    def elsewhere(self, call: Callable[[], T], /) -> T:
        """Run a call in another thread: an `Offload`."""
        self.give_turn()
        try:
            return self._pool.submit(call).result()
        finally:
            self._since = time.thread_time()

    def give_turn(self) -> None:
        """Record how long the requests blocked the loop."""
        now = time.thread_time()
        self.max_s, self._since = max(self.max_s, now - self._since), now


class Site:
    """The application and its measurement."""

    def __init__(self, api_app: ApiApp) -> None:
        self.checks: Final = CheckProcess(
            api_app.settings.model_copy(update={"operations": ("attacked",)})
        )
        self.loop: Final = Loop()
        self.beat: Final = Beat()
        self.app: Final[falcon.App[Request, falcon.Response]] = create_app(
            replace(api_app.services, check=self.checks, compute=self.loop.elsewhere)
        )
        self.beat.start()
        # gevent yields even without a wait, and so does this.
        time.sleep = lambda _seconds: self.loop.give_turn()  # noqa: TID251
        give_turns()

    def close(self) -> None:
        """End them."""
        self.beat.stop()
        self.checks.close()

    def ask(self, case: Case) -> tuple[float, float, str]:
        """Return the longest stall and the processor time, in seconds, and the status."""
        head, _, body = case.request.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        path, _, query = target.partition("?")
        headers = dict(line.split(": ", 1) for line in lines)
        length = headers.pop("Content-Length", None)
        environ = testing.create_environ(
            path, query_string=query, method=method, headers=headers, body=body
        )
        if length is not None:
            environ["CONTENT_LENGTH"] = length
        answer = testing.StartResponseMock()
        self.loop.restart()
        self.beat.max_s, began = 0.0, time.process_time()
        b"".join(self.app(environ, answer))
        self.loop.give_turn()
        took_s = time.process_time() - began
        return max(self.beat.max_s, self.loop.max_s), took_s, (answer.status or "")[:3]


def main() -> None:
    """Print a line for each request."""
    targets = Path(__file__).parent / "targets"
    sys.path.insert(0, str(targets))
    operations = [each for each in vars(__import__("attacked")).values() if type(each) is Operation]
    api_app = ApiApp(registry=Registry([*operations, echo]), hosts=_NAMES, max_active=1_000_000)
    with closing(api_app), closing(Site(api_app)) as site:
        job = api_app.submit({"operation": "echo", "params": {"value": 1}}).json["id"]
        api_app.succeed(job, "x" * 100)
        for case in worst_cases(job):
            if all(part in case.name for part in sys.argv[1:]):
                stop_s, took_s, status = min(site.ask(case) for _ in range(2))
                figures = f"{stop_s * 1000:8.1f} ms held {took_s * 1000:8.1f} ms of processor"
                print(f"{figures}  {status}  {case.name}", flush=True)


if __name__ == "__main__":
    main()
