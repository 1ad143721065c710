"""A private redis-server that keeps its data over restarts."""

from collections.abc import Mapping
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.servers.process import Server, ServerProcess, find_program, free_port

_SECONDS_TO_START = 30.0


class RedisServer(Server):
    """A redis-server on a free loopback port, in a folder of its own, with an append-only file.

    A kill loses what was not written yet: up to 2 s, unless appendfsync is `always`.
    """

    def __init__(self, folder: Path, *, options: Mapping[str, str] | None = None) -> None:
        """Prepare the server, and start nothing yet.

        Args:
            folder: an empty folder for its data.
            options: more lines of redis.conf, such as `{"appendfsync": "always"}`.

        """
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        lines = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            **(options or {}),
        }
        file = folder / "redis.conf"
        file.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
        program = find_program("redis-server", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")
        process = ServerProcess([program, str(file)], environment={}, folder=folder)
        super().__init__(process, seconds_to_start=_SECONDS_TO_START)

    def connect(self) -> Redis:
        """Make a client of one's own, with bytes as replies."""
        return Redis.from_url(self.url, protocol=2, socket_timeout=5, socket_connect_timeout=2)

    def _answers(self) -> bool:
        with self.connect() as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False
