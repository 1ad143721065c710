"""The installation that is to be broken: private servers, proxies before them, services."""

import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import psutil
from redis import Redis

from callboard.config.environment import bare_environment
from callboard.jobs.store import Store
from tests.chaos.history import FILE, Drain, History
from tests.chaos.service import Service, processes_of
from tests.eventually import eventually
from tests.faults.proxy import Proxy
from tests.servers import RabbitMQ, RedisServer, free_port
from tests.system.stack import ROOT, procfile

WORKERS: Final = 3
LEASE_SECONDS: Final = 2.0
_BOOT_SECONDS: Final = 300.0
_GONE_SECONDS: Final = 10.0
_PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Lines:
    """The two proxies through which one service reaches the servers."""

    redis: Proxy
    rabbitmq: Proxy


class ChaosInstallation:
    """One web server with two processes, three workers, and what is between them and the servers.

    Args:
        folder: an empty one for everything.

    Attributes:
        front: what clients connect to instead of the web server, at `url`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder
        self.namespace: Final = f"chaos-{secrets.token_hex(6)}"
        for name in ("redis", "rabbitmq", "logs"):
            (folder / name).mkdir()
        self.redis: Final = RedisServer(folder / "redis", options={"appendfsync": "always"})
        self.rabbitmq: Final = RabbitMQ(folder / "rabbitmq")
        self.history: Final = History(folder / FILE)
        self.store: Final = Store(self._connect(), self.namespace, testing=True)
        self.drain: Final = Drain(self._connect(), self.store.keys, self.history)
        self.port: Final = free_port()
        self.front: Final = Proxy(self.port)
        self.url: Final = f"http://127.0.0.1:{self.front.port}"
        names = ["web", *(f"worker-{number}" for number in range(1, WORKERS + 1))]
        self.lines: Final = {
            name: Lines(Proxy(self.redis.port), Proxy(self.rabbitmq.port)) for name in names
        }
        self.services: Final = {name: self._service(name) for name in names}
        # A server dies with the thread that started it, which must not be one of the nemesis.
        self._starter: Final = ThreadPoolExecutor(1, "starter")
        self._closed = False

    @property
    def web(self) -> Service:
        return self.services["web"]

    @property
    def workers(self) -> list[Service]:
        return [service for name, service in self.services.items() if name != "web"]

    def start(self) -> None:
        """Start everything, and wait until jobs are taken and run."""
        self.redis.start()
        self.rabbitmq.start()
        self.drain.start()
        for proxy in self._proxies():
            proxy.start()
        for service in self.services.values():
            service.start()
        eventually(self.whole, what="all processes are there", timeout=_BOOT_SECONDS, interval=0.2)

    def start_again(self, server: RedisServer | RabbitMQ) -> None:
        """Start a server that was killed, from any thread; on a machine with much to do, in time.

        Raises:
            AssertionError: it does not answer after all.
        """
        for last in (False, False, True):
            try:
                self._starter.submit(server.start).result()
            except AssertionError:
                if last:
                    raise
            else:
                return

    def whole(self) -> bool:
        """Whether web is ready and every worker lives."""
        try:
            ready = httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5)
        except httpx.TransportError:
            return False
        living = self.store.redis.zcard(self.store.keys("workers"))
        return ready.status_code == httpx.codes.OK and living >= WORKERS

    def mend(self) -> None:
        """End every fault of servers and network; processes are started again by themselves."""
        for proxy in self._proxies():
            proxy.mend()
        for server in (self.redis, self.rabbitmq):
            if server.running:
                server.mend()
            else:
                self.start_again(server)
        for process in processes_of(self.namespace):
            with suppress_gone():
                process.resume()

    def stop(self) -> list[str]:
        """Stop the services and say what is wrong about how they ended; repeated: nothing."""
        if self._closed:
            return []
        self._closed = True
        for service in self.services.values():
            service.end()
        wrong = [each for service in self.services.values() for each in service.close()]
        left = processes_of(self.namespace)
        _, alive = psutil.wait_procs(left, timeout=_GONE_SECONDS)
        wrong += [f"process {each.pid} outlived its service" for each in alive]
        for process in alive:
            with suppress_gone():
                process.kill()
        return wrong

    def close(self) -> None:
        """End everything."""
        self.stop()
        for proxy in self._proxies():
            proxy.close()
        self.store.redis.close()
        self.rabbitmq.close()
        self.redis.close()
        self._starter.shutdown()
        self.history.close()

    def _connect(self) -> Redis:
        """Make a patient client, past all proxies: a machine with much to do is no fault."""
        return Redis.from_url(self.redis.url, protocol=2, socket_timeout=_PATIENCE_SECONDS)

    def _proxies(self) -> list[Proxy]:
        pairs = [(lines.redis, lines.rabbitmq) for lines in self.lines.values()]
        return [self.front, *(proxy for pair in pairs for proxy in pair)]

    def _service(self, name: str) -> Service:
        lines = self.lines[name]
        environment = bare_environment(
            CALLBOARD_BROKER_URL=_through(self.rabbitmq.url, lines.rabbitmq),
            CALLBOARD_REDIS_URL=_through(self.redis.url, lines.redis),
            **self._settings(),
        )
        line = procfile()[name.partition("-")[0]]
        return Service(name, line, environment, self.folder / "logs" / f"{name}.log")

    def _settings(self) -> Mapping[str, str]:
        return {
            "CALLBOARD_NAMESPACE": self.namespace,
            "CALLBOARD_OPERATIONS": "tests.chaos.operations",
            "CALLBOARD_RESOURCES": "gpu=2,licence=1",
            "CALLBOARD_PORT": str(self.port),
            "CALLBOARD_WEB_CONCURRENCY": "2",
            "CALLBOARD_THREADS": "4",
            "CALLBOARD_LEASE": f"{LEASE_SECONDS:g}s",
            "CALLBOARD_SHUTDOWN_GRACE": "1s",
            "CALLBOARD_DURABILITY": "strict",
            "CALLBOARD_STORAGE_URL": str(self.folder / "files"),
            "CALLBOARD_TESTING": "true",
            "PYTHONPATH": str(ROOT),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{bare_environment()['PATH']}",
        }


@contextmanager
def suppress_gone() -> Iterator[None]:
    """Take it that a process may end while we are about to signal it."""
    try:
        yield
    except psutil.NoSuchProcess:
        return


def _through(url: str, proxy: Proxy) -> str:
    port = urlsplit(url).port
    return url.replace(f":{port}/", f":{proxy.port}/")
