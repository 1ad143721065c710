"""waitress's connections, whose own refusals are problems like all others."""

import threading
import time
from datetime import timedelta
from typing import Any, Final

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask

from api.problems.of_servers import server_problem

_LOOK_S: Final = 0.02


class ProblemTask(ErrorTask):
    """Answers with a problem what waitress refuses before it calls the application."""

    def execute(self) -> None:
        """Send it, and close the connection."""
        error: Any = self.request.error  # type: ignore[attr-defined]  # missing in the types
        headers, body = server_problem(error.code, error.body)
        self.status = f"{error.code} {error.reason}"
        self.content_length = int(headers.pop("Content-Length"))
        self.response_headers = [*self.response_headers, *headers.items()]
        self.set_close_on_finish()
        self.write(body)


class ClosingTask(WSGITask):
    """Answers a request, and closes its connection then if the server stops."""

    def build_response_header(self) -> bytes:
        """Say so."""
        server: Any = self.channel.server
        if not server.accepting:
            self.set_close_on_finish()
        header: bytes = super().build_response_header()
        return header


class Channel(HTTPChannel):
    """One connection."""

    task_class = ClosingTask
    error_task_class = ProblemTask

    @property
    def busy(self) -> bool:
        """Whether a request has begun to come, or its answer is not all sent."""
        return bool(self.requests or self.request is not None or self.total_outbufs_len)


def answer_with_problems(server: Any) -> None:
    """Have all connections that a server accepts from now on answer so.

    Args:
        server: as `waitress.server.create_server` makes it: for one address, or for several.
    """
    for each in _listening(server):
        each.channel_class = Channel


def take_no_more(server: Any) -> None:
    """Accept no more connections, and close each that there is after its current answer.

    Args:
        server: as `waitress.server.create_server` makes it; it still runs.
    """
    for each in _listening(server):
        each.accepting = False
        each.pull_trigger()


def finish_requests(server: Any, *, within: timedelta) -> bool:
    """Let what is under way come to its end.

    Args:
        server: one that takes no more.
        within: how long to wait for that.

    Returns:
        Whether nothing was left.
    """
    servers = _listening(server)
    pause = threading.Event()
    end = time.monotonic() + within.total_seconds()
    while busy := any(
        channel.busy for each in servers for channel in list(each.active_channels.values())
    ):
        if time.monotonic() > end:
            break
        pause.wait(_LOOK_S)
    return not busy


def _listening(server: Any) -> list[Any]:
    return [
        each
        for each in (server, *getattr(server, "map", {}).values())
        if hasattr(each, "active_channels")
    ]
