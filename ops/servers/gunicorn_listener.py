"""Accepts gunicorn's connections with gevent, also when no file descriptors are left."""

from typing import Any

import gevent
from gevent.server import StreamServer

from callboard.ops.servers.file_shortage import PAUSE_S, Shortage


class Listener(StreamServer):  # type: ignore[misc]  # no types
    """Pauses accepting when no file descriptors are left; gevent would print each error.

    Args:
        listener: the socket.
        max_accept: how many connections are accepted at a time, to leave some to other processes.
        more: options of gevent's own server.
    """

    def __init__(self, listener: Any, *, max_accept: int, **more: Any) -> None:
        self._shortage = Shortage()
        super().__init__(listener, **more)
        self.max_accept = max_accept

    def do_read(self) -> Any:
        """Accept a connection, if one waits and a file descriptor is free."""
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
