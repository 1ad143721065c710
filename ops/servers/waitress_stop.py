"""How waitress is stopped: it takes no more, ends what is under way, and cuts off what is left."""

import threading
import time
from datetime import timedelta
from typing import Any, Final

from waitress.wasyncore import dispatcher

from callboard.ops.servers.waitress_channel import listening

_LOOK_S: Final = 0.02
_END_WITHIN_S: Final = 5.0


def take_no_more(server: Any) -> None:
    """Accept no more connections, and close each existing one after its current response.

    Args:
        server: from `waitress.server.create_server`; it still runs.
    """
    for each in listening(server):
        each.accepting = False
        each.pull_trigger()


def finish_requests(server: Any, *, within: timedelta) -> bool:
    """Let current requests finish.

    Args:
        server: one that accepts no more connections.
        within: how long to wait.

    Returns:
        Whether all of them finished.
    """
    servers = listening(server)
    pause = threading.Event()
    end = time.monotonic() + within.total_seconds()
    while busy := any(
        channel.busy for each in servers for channel in list(each.active_channels.values())
    ):
        if time.monotonic() > end:
            break
        pause.wait(_LOOK_S)
    return not busy


def end_connections(server: Any, loop: threading.Thread) -> None:
    """Close the connections that are left, and end the thread that serves them.

    waitress' own `close` does that from outside: threads that write to a client then wake the
    loop through a pipe that is closed, and perhaps another file by now. Here the loop itself
    closes the connections. The pipe stays open for such threads until the process ends.

    Args:
        server: as `waitress.server.create_server` makes it; it takes no more.
        loop: runs it.
    """
    servers = listening(server)

    def end() -> None:
        for each in servers:
            for channel in list(each.active_channels.values()):
                channel.handle_close()
            dispatcher.close(each)
        servers[0]._map.clear()  # noqa: SLF001 — its loop goes on while there is something in it

    servers[0].trigger.pull_trigger(end)
    loop.join(_END_WITHIN_S)
