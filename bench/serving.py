"""A web process with its own redis-server and RabbitMQ node, during a measurement."""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.eventually import eventually
from tests.servers import RabbitMQ, RedisServer
from tests.system.stack import BOOT_SECONDS, ROOT, Stack, installation


@contextmanager
def serving(tree: Path = ROOT, **settings: str) -> Iterator[Stack]:
    """Start the servers and the web process, and end them.

    Args:
        tree: the folder of the code to run.
        settings: environment variables of the web process.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for each in ("rabbitmq", "redis", "logs"):
            (folder / each).mkdir()
        rabbitmq, redis_server = RabbitMQ(folder / "rabbitmq"), RedisServer(folder / "redis")
        try:
            rabbitmq.start()
            redis_server.start()
            namespace = f"bench-{secrets.token_hex(4)}"
            with installation(folder / "logs", rabbitmq, redis_server, namespace) as stack:
                stack.source = tree
                stack.web(**settings)
                eventually(stack.ready, what="web is ready", timeout=BOOT_SECONDS)
                yield stack
        finally:
            redis_server.close()
            rabbitmq.close()
