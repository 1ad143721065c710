"""Jobs with callbacks, their dispatchers, and third-party libraries that verify callbacks."""

from datetime import timedelta
from typing import Any, Final

import standardwebhooks
import svix.webhooks
from fakeredis import FakeRedis, FakeServer
from pydantic import SecretStr

from callboard.actors.webhooks.dispatcher import Render, WebhookDispatcher
from callboard.actors.webhooks.name_lookup import Lookup
from callboard.actors.webhooks.sender import WebhookSender
from callboard.api.callbacks.body import CallbackBodies
from callboard.config import Settings
from callboard.jobs.callbacks.deliveries import DeliveryRecord, list_deliveries
from callboard.jobs.callbacks.secrets import WebhookSecrets
from callboard.jobs.callbacks.url import CallbackRules
from tests.delivery_moves import ended
from tests.eventually import eventually
from tests.job_system import JobSystem
from tests.receiver import Received, Receiver

SIGNING_KEY: Final = SecretStr("a key of the tests, long enough to be one")
RETRIES: Final = (timedelta(seconds=5), timedelta(minutes=5))
DEADLINE_S: Final = 3.0


class CallbackSystem:
    """A job system whose jobs have callbacks, and its dispatchers."""

    def __init__(self) -> None:
        self.server = FakeServer(version=(7, 2))
        self.job_system = JobSystem(FakeRedis(server=self.server, protocol=2))
        self.secrets = WebhookSecrets(self.job_system.store, SIGNING_KEY)
        self.bodies = CallbackBodies(self.job_system.store, Settings())
        self.dispatchers: list[WebhookDispatcher] = []

    def dispatcher(
        self, *receivers: Receiver, render: Render | None = None, deadline_s: float = DEADLINE_S
    ) -> WebhookDispatcher:
        """Start a dispatcher that resolves every name to the loopback address."""
        ports = [receiver.port for receiver in receivers]
        sender = WebhookSender(
            CallbackRules(networks=("127.0.0.0/8",), ports=ports),
            lookup=Lookup(lambda _: ["127.0.0.1"]),
            deadline_s=deadline_s,
        )
        dispatcher = WebhookDispatcher(
            self.job_system.store, sender, self.secrets, render or self.bodies, retries=RETRIES
        )
        self.dispatchers.append(dispatcher)
        return dispatcher

    def round(self, dispatcher: WebhookDispatcher) -> None:
        """Let it deliver due callbacks, and wait until it is done."""
        dispatcher.tick()
        eventually(lambda: not dispatcher.under_way, what="all attempts ended")

    def job(self, receiver: Receiver, host: str = "hooks.example", **chosen: Any) -> str:
        """Let a job with a callback succeed."""
        return ended(self.job_system, callback=callback_to(receiver, host), **chosen)

    def delivery(self, job_id: str) -> DeliveryRecord:
        """Read the only delivery of a job."""
        (found,) = list_deliveries(self.job_system.store, "job", job_id)
        return found

    def secret(self, tenant: str = "default") -> str:
        """Return the secret with which a tenant's receivers verify."""
        return self.secrets.of(tenant)[0].get_secret_value()

    def close(self) -> None:
        """Stop the dispatchers and restore Redis."""
        self.server.connected = True
        for dispatcher in self.dispatchers:
            dispatcher.close(0.1)


def callback_to(receiver: Receiver, host: str = "hooks.example") -> dict[str, Any]:
    return {
        "url": f"http://{host}:{receiver.port}/hush?token=hush",
        "events": ["job.succeeded"],
        "base": "https://jobs.example/base",
    }


def verify(secret: str, request: Received) -> Any:
    """Verify a request with two libraries, and return its content."""
    headers = dict(request.headers)
    svix.webhooks.Webhook(secret).verify(request.body, headers)
    return standardwebhooks.Webhook(secret).verify(request.body, headers)
