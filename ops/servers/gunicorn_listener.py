"""Takes gunicorn's connections with gevent, also when there are no more files for them."""

from typing import Any

import gevent
from gevent.server import StreamServer

from callboard.ops.servers.file_shortage import PAUSE_S, Shortage


class Listener(StreamServer):  # type: ignore[misc]  # no types
    """Takes no connections for a moment when it may open no more files; gevent prints each error.

    Args:
        listener: the socket.
        max_accept: how many connections are taken at a time, so that other processes get theirs.
        more: for gevent's own server.
    """

    def __init__(self, listener: Any, *, max_accept: int, **more: Any) -> None:
        self._shortage = Shortage()
        super().__init__(listener, **more)
        self.max_accept = max_accept

    def do_read(self) -> Any:
        """Take a connection, if there is one and a file for it."""
        try:
            return super().do_read()
        except OSError as error:
            if not self._shortage.is_meant_by(error):
                raise
            self.stop_accepting()
            gevent.spawn_later(PAUSE_S, self._go_on)
            return None

    def _go_on(self) -> None:
        if self.started:
            self.start_accepting()
