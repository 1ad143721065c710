"""A private redis-server that keeps its data across restarts."""

import os
from collections.abc import Mapping
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.servers.process import Server, ServerProcess, find_program, free_port

_SECONDS_TO_START = 30.0


class RedisServer(Server):
    """A redis-server on a free loopback port, with its own folder and an append-only file.

    A kill loses unwritten data: up to 2 s, unless appendfsync is `always`.
    """

    def __init__(self, folder: Path, *, options: Mapping[str, str] | None = None) -> None:
        """Prepare the server without starting it.

        Args:
            folder: an empty folder for its data.
            options: more lines of redis.conf, such as `{"appendfsync": "always"}`.

        """
        self._folder = folder
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
        """Create a new client, with bytes as replies."""
        return Redis.from_url(self.url, protocol=2, socket_timeout=5, socket_connect_timeout=2)

    def written(self) -> int:
        """Return the size of the append-only file: a mark for `forget_since`."""
        return self._appended().stat().st_size

    def forget_since(self, mark: int) -> None:
        """Crash, and lose data written since the mark, like a power failure or a failover.

        The server is down then.
        """
        self.kill()
        os.truncate(self._appended(), mark)

    def tear(self) -> None:
        """Crash in the middle of a write: half a command is at the end of the append-only file.

        That command was never acknowledged. The server is then down.
        """
        self.kill()
        with self._appended().open("ab") as file:
            file.write(b"*3\r\n$3\r\nSET\r\n$4\r\nto")

    def _appended(self) -> Path:
        """Find the current file; since version 7 there is a folder of them."""
        several = sorted((self._folder / "appendonlydir").glob("*.incr.aof"))
        return several[-1] if several else self._folder / "appendonly.aof"

    def _answers(self) -> bool:
        with self.connect() as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False
