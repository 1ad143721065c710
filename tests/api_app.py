"""The HTTP layer on fakeredis, with a publisher that records its messages."""

import hashlib
import weakref
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import fakeredis
import redis
from falcon import testing

from callboard import operation
from callboard.api.app import create_app
from callboard.api.authentication import Keyring
from callboard.api.body_memory import BodyMemory
from callboard.api.media import Media
from callboard.api.route import Route
from callboard.api.routes import routes
from callboard.api.services import Services
from callboard.api.waiting.events import Events
from callboard.api.waiting.transfer_limits import TransferLimits
from callboard.config import Settings
from callboard.jobs.claim import claim
from callboard.jobs.fence import Fence
from callboard.jobs.files.storage import Storage
from callboard.jobs.finish import RunOutcome, encode_result, finish
from callboard.jobs.progress import LogBounds, ProgressReport, progress
from callboard.jobs.publisher import Wakeup
from callboard.jobs.registry import Registry
from callboard.jobs.relay import Relay
from callboard.jobs.store import Store
from callboard.jobs.submission_service import SubmissionService

JSON = "application/json"
ADD = {"operation": "add", "params": {"a": 1, "b": 2}}


@operation
def add(a: int, b: int = 0) -> int:
    """Add two numbers."""
    return a + b


@operation
def echo(value: Any) -> Any:
    """Return the input."""
    return value


@operation(unique=True)
def single(name: str) -> str:
    """Run one job at a time for each name."""
    return name


@operation(unique=True, on_conflict="return")
def shared(name: str) -> str:
    """Return the same job to every caller."""
    return name


@operation(unique=True, on_conflict="replace")
def newest(name: str) -> str:
    """Replace an older job."""
    return name


@operation(max_active=1)
def narrow() -> None:
    """Run one job at a time."""


@operation(wait="5s")
def quick() -> int:
    """Finish while the client waits."""
    return 1


class RecordingPublisher:
    """Confirms every message, unless a test declares RabbitMQ unavailable."""

    def __init__(self) -> None:
        self.published: list[Wakeup] = []
        self.up = True

    def publish(self, wakeups: Sequence[Wakeup]) -> Sequence[bool]:
        self.published += wakeups if self.up else []
        return [self.up] * len(wakeups)

    def ready(self, queue: str) -> int | None:
        del queue
        return None


class ApiApp:
    """A web process, and the actions of a worker."""

    def __init__(
        self,
        client: redis.Redis | None = None,
        *,
        connect: Callable[[], redis.Redis] | None = None,
        registry: Registry | None = None,
        transfers: TransferLimits | None = None,
        **settings: Any,
    ) -> None:
        self._connect = connect
        self.server = fakeredis.FakeServer(version=(7, 2))
        self.settings = Settings(**{"hosts": ("falconframework.org",), **settings})
        self.publisher = RecordingPublisher()
        self.store = Store(client or self.connect(), "test")
        self.registry = registry or Registry([add, echo, single, shared, newest, narrow, quick])
        self.events = Events(self.connect, self.store.keys.channel("events"))
        self.relay = Relay(self.store, self.publisher)
        submissions = SubmissionService(
            self.store,
            self.publisher,
            self.relay,
            self.registry,
            self.settings.max_active,
            submission_rates=self.settings.submission_rates,
            capacities=self.settings.capacity_groups,
        )
        self.storage = Storage(self.settings.storage_url)
        # Without a close, the garbage collector would remove the folder and warn.
        weakref.finalize(self, self.storage.close)
        self.services = Services(
            settings=self.settings,
            store=self.store,
            submissions=submissions,
            registry=self.registry,
            events=self.events,
            broker_trouble=lambda: None if self.publisher.up else "RabbitMQ does not answer.",
            storage=self.storage,
            transfers=transfers or TransferLimits(),
        )
        self.app = create_app(self.services)
        self.http = testing.TestClient(self.app)

    def connect(self) -> redis.Redis:
        if self._connect is not None:
            return self._connect()
        return fakeredis.FakeRedis(server=self.server, protocol=2)

    def routes(self) -> tuple[Route, ...]:
        """Return the application's table of routes."""
        keyring = Keyring((), self.store, required=False)
        return routes(self.services, Media(max_bytes=1, max_depth=1), keyring, BodyMemory(1))

    def close(self) -> None:
        self.events.close()
        self.storage.close()

    def submit(self, body: Any = None, **more: Any) -> testing.Result:
        return self.http.simulate_post("/v1/jobs", json=ADD if body is None else body, **more)

    def get(self, job_id: str, **more: Any) -> testing.Result:
        return self.http.simulate_get(f"/v1/jobs/{job_id}", **more)

    def claim(self, job_id: str) -> Fence:
        claimed = claim(
            self.store,
            job_id,
            token="token",
            worker="worker-1",
            lease=timedelta(seconds=20),
            limits={},
        )
        assert claimed.fence is not None, claimed.word
        return claimed.fence

    def succeed(self, job_id: str, value: Any) -> None:
        outcome = encode_result(value, max_bytes=16 * 1024**2)
        assert finish(self.store, self.claim(job_id), outcome) == "finished"

    def fail(self, job_id: str, error: dict[str, Any]) -> None:
        assert finish(self.store, self.claim(job_id), RunOutcome(error=error)) == "finished"

    def report(self, fence: Fence, report: ProgressReport) -> None:
        assert progress(self.store, fence, report, bounds=LogBounds()) == "recorded"


def hash_of(key: str) -> str:
    """Return what the settings store of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def keys_of(*grants: str) -> str:
    """Write the setting of keys from grants, each `tenant:role:key`."""
    split = (grant.split(":") for grant in grants)
    return ",".join(f"{tenant}:{role}:{hash_of(key)}" for tenant, role, key in split)
