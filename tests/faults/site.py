"""An installation in which every process reaches Redis and RabbitMQ through proxies."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callboard.client import Client
from tests.eventually import eventually
from tests.faults.proxy import Proxy
from tests.invariants import complaints, look, nothing_is_held
from tests.processes import children_of, parent_of
from tests.servers import RabbitMQ, RedisServer
from tests.system.notes import Note, begun, read_notes
from tests.system.stack import Stack, Started, installation

LEASE_S = 2.0
BOOT_SECONDS = 60.0
QUIET_SECONDS = 60.0


@dataclass
class Member:
    """A process of the installation and its two proxies."""

    kind: str
    redis: Proxy
    rabbitmq: Proxy
    settings: dict[str, str]
    started: Started

    @property
    def pid(self) -> int:
        """Return the started process: the master of those that serve."""
        return self.started.process.pid

    def children(self) -> list[int]:
        """Return the running children of the master."""
        return children_of(self.pid)

    def said(self) -> str:
        """Return its whole log."""
        return self.started.log.read_text(encoding="utf-8")


class Site:
    """One web server and some workers, each with its own proxies, whose faults can be ended."""

    def __init__(self, stack: Stack, rabbitmq: RabbitMQ, redis_server: RedisServer) -> None:
        self.stack = stack
        self.rabbitmq = rabbitmq
        self.redis_server = redis_server
        self.members: list[Member] = []
        self._notes = 0

    @property
    def web(self) -> Member:
        return next(member for member in self.members if member.kind == "web")

    @property
    def workers(self) -> list[Member]:
        return [member for member in self.members if member.kind == "worker"]

    def start(self, *, workers: int = 2, **settings: str) -> None:
        """Start everything, and wait until it is ready."""
        for kind in ("web", *["worker"] * workers):
            self.add(kind, **settings)
        self.await_all()

    def add(self, kind: str, **settings: str) -> Member:
        """Start a process with its own proxies."""
        redis, rabbitmq = Proxy(self.redis_server.port), Proxy(self.rabbitmq.port)
        redis.start()
        rabbitmq.start()
        settings = {
            "CALLBOARD_LEASE": f"{LEASE_S:g}s",
            **settings,
            "CALLBOARD_REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
            "CALLBOARD_BROKER_URL": f"amqp://guest:guest@127.0.0.1:{rabbitmq.port}/%2F",
        }
        started = self.stack.run(kind, **settings)
        member = Member(kind, redis, rabbitmq, settings, started)
        self.members.append(member)
        return member

    def await_all(self) -> None:
        """Wait until web serves and every worker has sent a heartbeat."""
        eventually(self.stack.ready, what="web is ready", timeout=BOOT_SECONDS)
        masters = {member.pid for member in self.workers}
        eventually(
            lambda: masters <= {parent_of(pid) for pid in self.stack.pids_of_workers()},
            what="all workers send heartbeats",
            timeout=BOOT_SECONDS,
        )

    def client(self, *, patience: float = 60.0) -> Client:
        """Create a client that retries; the caller closes it."""
        return Client(self.stack.url, patience=patience)

    def notes(self) -> Path:
        """Return a file for notes that no other test uses."""
        self._notes += 1
        return self.stack.folder / f"notes-{self._notes}"

    def worker_of(self, note: Note) -> Member:
        """Find the worker whose process wrote a note."""
        return next(each for each in self.workers if int(note.label) in each.children())

    def record(self, job_id: str) -> dict[str, str]:
        """Read a job's record in Redis."""
        store = self.stack.store
        (fields,) = store.pipeline(("HGETALL", store.keys("job", job_id)))
        return {name.decode(): value.decode() for name, value in fields.items()}

    def restore(self) -> None:
        """End every fault: of servers, connections and processes."""
        self.redis_server.restore()
        self.rabbitmq.restore()
        for member in list(self.members):
            for wire in (member.redis, member.rabbitmq):
                wire.restore()
            if member.started.process.poll() is None:
                member.started.signal(signal.SIGCONT)
            else:
                self._replace(member)

    def is_idle(self) -> bool:
        """Whether no job is active."""
        return self.stack.store.redis.zcard(self.stack.store.keys("active")) == 0

    def settle(self) -> None:
        """End all faults, let all jobs end, and check that nothing remains of them."""
        self.restore()
        self.await_all()
        eventually(self._is_quiet, what="all jobs end", timeout=QUIET_SECONDS, interval=0.1)
        assert not list(complaints(look(self.stack.store)))

    def close(self) -> None:
        """Close the proxies; the installation ends the processes."""
        for member in self.members:
            if member.started.process.poll() is None:
                member.started.signal(signal.SIGCONT)
            member.redis.close()
            member.rabbitmq.close()

    def _is_quiet(self) -> bool:
        return not list(nothing_is_held(look(self.stack.store)))

    def _replace(self, member: Member) -> None:
        """Restart a process, like a process manager."""
        member.started.end()
        member.started = self.stack.run(member.kind, **member.settings)


@contextmanager
def open_site(
    folder: Path, rabbitmq: RabbitMQ, redis_server: RedisServer, namespace: str
) -> Iterator[Site]:
    """Create an installation without running processes, and end all of it afterwards."""
    redis_server.connect().flushall()
    with installation(folder, rabbitmq, redis_server, namespace) as stack:
        site = Site(stack, rabbitmq, redis_server)
        try:
            yield site
        finally:
            site.close()


def first_begin(path: Path) -> Note:
    """Wait until a function has started."""
    return eventually(lambda: begun(read_notes(path)), what="a function begins", timeout=20)[0]


def await_begins(path: Path, count: int) -> None:
    """Wait until a number of functions have started."""
    eventually(lambda: len(begun(read_notes(path))) >= count, what=f"{count} begin", timeout=20)


def outcomes(client: Client, job_ids: list[str], *, timeout: float = 60.0) -> list[dict[str, Any]]:
    """Wait for jobs, and return them in their final state."""
    return [client.wait(job_id, timeout=timeout) for job_id in job_ids]
