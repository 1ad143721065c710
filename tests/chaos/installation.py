"""The installation under test: private servers, proxies in front of them, services."""

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
    """One web server with two processes, three workers, and their proxies to the servers.

    Args:
        folder: an empty folder for everything.

    Attributes:
        front: the proxy between clients and the web server, at `url`.
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
        # A server ends with the thread that started it, so no thread of the nemesis may start it.
        self._starter: Final = ThreadPoolExecutor(1, "starter")
        self._closed = False

    @property
    def web(self) -> Service:
        return self.services["web"]

    @property
    def workers(self) -> list[Service]:
        return [service for name, service in self.services.items() if name != "web"]

    def start(self) -> None:
        """Start everything, and wait until jobs are accepted and run."""
        self.redis.start()
        self.rabbitmq.start()
        self.drain.start()
        for proxy in self._proxies():
            proxy.start()
        for service in self.services.values():
            service.start()
        eventually(self.whole, what="all processes are there", timeout=_BOOT_SECONDS, interval=0.2)

    def start_again(self, server: RedisServer | RabbitMQ) -> None:
        """Start a killed server again, from any thread, even on a busy machine.

        Raises:
            AssertionError: it does not answer in time.
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
        """Whether web is ready and every worker is alive."""
        try:
            ready = httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5)
        except httpx.TransportError:
            return False
        living = self.store.redis.zcard(self.store.keys("workers"))
        return ready.status_code == httpx.codes.OK and living >= WORKERS

    def restore(self) -> None:
        """End every fault of servers and network; processes restart by themselves."""
        for proxy in self._proxies():
            proxy.restore()
        for server in (self.redis, self.rabbitmq):
            if server.running:
                server.restore()
            else:
                self.start_again(server)
        for process in processes_of(self.namespace):
            with suppress_gone():
                process.resume()

    def stop(self) -> list[str]:
        """Stop the services and report how they failed to stop; a repeat does nothing."""
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
        """Create a patient client, without a proxy: a busy machine is no fault."""
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
    """Ignore that a process may end before the signal."""
    try:
        yield
    except psutil.NoSuchProcess:
        return


def _through(url: str, proxy: Proxy) -> str:
    port = urlsplit(url).port
    return url.replace(f":{port}/", f":{proxy.port}/")
