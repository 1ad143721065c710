"""A web server with strict durability checks Redis before it accepts requests."""

from pathlib import Path

import httpx
import psutil

from tests.eventually import eventually
from tests.servers import RabbitMQ, RedisServer
from tests.system.stack import installation

PROCESSES = 2


def test_a_web_process_that_starts_without_redis_waits_without_affecting_others(
    tmp_path: Path, rabbitmq: RabbitMQ, namespace: str
) -> None:
    redis_server = RedisServer(tmp_path, options={"appendfsync": "always"})
    redis_server.start()
    with installation(tmp_path, rabbitmq, redis_server, namespace) as stack:
        web = stack.web(CALLBOARD_DURABILITY="strict", CALLBOARD_WEB_CONCURRENCY=str(PROCESSES))
        stack.await_web(web, PROCESSES)
        doomed, other = psutil.Process(web.process.pid).children()

        redis_server.kill()
        doomed.kill()
        eventually(
            lambda: web.log.read_bytes().count(b"store_awaited") > 1,
            what="the next one waits",
            timeout=30,
        )

        assert web.process.poll() is None
        assert other.is_running()
        assert httpx.get(f"{stack.url}/healthz").status_code == 200
        redis_server.start()
        eventually(stack.ready, what="web is ready again", timeout=30)
        other.kill()
        eventually(stack.ready, what="the one that waited serves", timeout=30)
    redis_server.close()
