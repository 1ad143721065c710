"""waitress's connections, whose own refusals are problems like all others."""

from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

from api.problems.of_servers import server_problem


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


class Channel(HTTPChannel):
    """One connection."""

    error_task_class = ProblemTask


def answer_with_problems(server: Any) -> None:
    """Have all connections that a server accepts from now on answer so.

    Args:
        server: as `waitress.server.create_server` makes it: for one address, or for several.
    """
    for each in (server, *getattr(server, "map", {}).values()):
        each.channel_class = Channel
