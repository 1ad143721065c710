"""A whole installation: web and worker processes of our Procfile on real servers."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import psutil
import redis

from callboard.client import Client
from callboard.config.environment import bare_environment
from callboard.jobs.store import Store
from tests import servers
from tests.eventually import eventually
from tests.servers import RabbitMQ, RedisServer

ROOT: Final = Path(__file__).parents[2]
BOOT_SECONDS: Final = 30.0
STOP_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Started:
    """A process group that we started."""

    process: subprocess.Popen[bytes]
    log: Path

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group, if it still exists."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return

    def kill(self) -> None:
        """Kill it with all its descendants, in any group."""
        try:
            family = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            family = []
        self.signal(signal.SIGKILL)
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()

    def end(self, timeout: float = STOP_SECONDS) -> None:
        """Terminate the group, and kill it if necessary."""
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
        self.signal(signal.SIGKILL)
        self.process.wait(timeout)


class Stack:
    """Starts, breaks and stops the processes of one installation."""

    def __init__(
        self, folder: Path, rabbitmq: RabbitMQ, redis_server: RedisServer, namespace: str
    ) -> None:
        self.folder = folder
        self.redis_server = redis_server
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = {
            "CALLBOARD_BROKER_URL": rabbitmq.url,
            "CALLBOARD_REDIS_URL": redis_server.url,
            "CALLBOARD_NAMESPACE": namespace,
            "CALLBOARD_OPERATIONS": "tests.system.operations",
            "CALLBOARD_RESOURCES": "gpu=2",
            "CALLBOARD_PORT": str(self.port),
            "CALLBOARD_WEB_CONCURRENCY": "1",
            "CALLBOARD_LEASE": "3s",
            "CALLBOARD_STORAGE_URL": str(folder / "files"),
            "CALLBOARD_SHUTDOWN_GRACE": "1s",
            "PYTHONPATH": str(ROOT),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{bare_environment()['PATH']}",
        }
        self.store = Store(redis.Redis.from_url(redis_server.url, protocol=2), namespace)
        self.started: list[Started] = []
        self.source = ROOT

    def start(self, *, workers: int = 2, **settings: str) -> None:
        """Start a web process and workers, and wait until all are ready."""
        web = self.web(**settings)
        for _ in range(workers):
            self.worker(**settings)
        eventually(self.ready, what="web is ready", timeout=BOOT_SECONDS)
        self.await_web(web, int({**self.settings, **settings}["CALLBOARD_WEB_CONCURRENCY"]))
        self.await_workers(workers)

    def web(self, **settings: str) -> Started:
        """Start one web server, as the Procfile says."""
        return self.run("web", **settings)

    def worker(self, **settings: str) -> Started:
        """Start one worker, as the Procfile says."""
        return self.run("worker", **settings)

    @contextmanager
    def using(self, source: Path) -> Iterator[None]:
        """Start processes from another tree within the block."""
        before, self.source = self.source, source
        try:
            yield
        finally:
            self.source = before

    def await_web(self, web: Started, processes: int) -> None:
        """Wait until a number of processes of a web server serve; one is enough to be ready."""
        eventually(
            lambda: web.log.read_bytes().count(b"Serving (pid") >= processes,
            what=f"{processes} web processes serve",
            timeout=2 * BOOT_SECONDS,
        )

    def await_workers(self, count: int) -> None:
        """Wait until a number of workers have sent a heartbeat."""
        workers = self.store.keys("workers")
        eventually(
            lambda: self.store.redis.zcard(workers) >= count,
            what=f"{count} workers send heartbeats",
            timeout=BOOT_SECONDS,
        )

    def run(self, process_type: str, **settings: str) -> Started:
        """Start one line of the Procfile in its own process group."""
        command = ["sh", "-c", procfile(self.source)[process_type]]
        return self.spawn(command, process_type, **settings)

    def spawn(self, command: list[str], name: str, **settings: str) -> Started:
        """Start a command with this installation's settings; its output goes to a file."""
        # Before other packages named `tests`.
        path = str(self.source)
        log = self.folder / f"{len(self.started)}-{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=self.source,
                env=bare_environment(**{**self.settings, "PYTHONPATH": path, **settings}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started = Started(process, log)
        self.started.append(started)
        return started

    def ready(self) -> bool:
        """Whether web is ready for jobs."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def client(self) -> Client:
        """Create a client; the caller closes it."""
        return Client(self.url)

    def pids_of_workers(self) -> list[int]:
        """Return the processes that run functions, by their heartbeats."""
        names = self.store.redis.zrange(self.store.keys("workers"), 0, -1)
        pids = [self.store.redis.hget(self.store.keys("worker", n.decode()), "pid") for n in names]
        return [int(pid) for pid in pids if pid]

    def close(self) -> None:
        """Kill everything at once; a test of a clean stop does that itself."""
        for started in self.started:
            started.kill()
        for started in self.started:
            started.process.wait(STOP_SECONDS)
        self.store.redis.close()


@contextmanager
def installation(
    folder: Path, rabbitmq: RabbitMQ, redis_server: RedisServer, namespace: str
) -> Iterator[Stack]:
    """Create an installation, and end all its processes afterwards."""
    stack = Stack(folder, rabbitmq, redis_server, namespace)
    try:
        yield stack
    finally:
        stack.close()


@contextmanager
def one_worker(
    folder: Path, rabbitmq: RabbitMQ, redis_server: RedisServer, operations: str, **settings: str
) -> Iterator[Stack]:
    """Run web and one worker with operations of one module, for all tests of a file."""
    namespace = f"test-{secrets.token_hex(6)}"
    with installation(folder, rabbitmq, redis_server, namespace) as stack:
        stack.start(workers=1, CALLBOARD_OPERATIONS=operations, **settings)
        yield stack


def procfile(source: Path = ROOT) -> dict[str, str]:
    """Read the commands of the Procfile."""
    lines = (source / "Procfile").read_text(encoding="utf-8").splitlines()
    return {name: command.strip() for name, _, command in (line.partition(":") for line in lines)}


def free_port() -> int:
    """Find an unused port outside the kernel's ephemeral range."""
    return servers.free_port()
