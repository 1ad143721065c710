"""Deliveries as part of a worker: they begin and end with it."""

from typing import Any, Final

from dramatiq import Broker, Middleware

from callboard.actors.container import Container
from callboard.actors.webhooks.dispatcher import Render, WebhookDispatcher
from callboard.actors.webhooks.sender import WebhookSender
from callboard.jobs.callbacks.secrets import WebhookSecrets
from callboard.jobs.callbacks.url import CallbackRules
from callboard.jobs.progress import LogBounds
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

LAST_SECONDS: Final = 2.0

log = get_logger(__name__)


class WebhookMiddleware(Middleware):
    """Starts and stops a dispatcher with the worker.

    A worker that stops takes no more deliveries while its jobs have their grace; those under way
    then have two seconds more.
    """

    def __init__(self, dispatcher: WebhookDispatcher) -> None:
        self._dispatcher = dispatcher

    def after_worker_boot(self, broker: Broker, worker: Any) -> None:  # noqa: ARG002
        """Take deliveries, in the process that does the work."""
        self._dispatcher.start()

    def before_worker_shutdown(self, broker: Broker, worker: Any) -> None:  # noqa: ARG002
        """Take no more."""
        self._dispatcher.stop()

    def after_worker_shutdown(self, broker: Broker, worker: Any) -> None:  # noqa: ARG002
        """Leave what is still under way to its lease."""
        self._dispatcher.close(LAST_SECONDS)


def dispatch_webhooks(container: Container, render: Render) -> None:
    """Have the worker of a container deliver callbacks, if there is a key to sign them with.

    Args:
        container: of the process; call before its worker boots.
        render: writes what callbacks say.
    """
    settings = container.settings
    if settings.signing_key is None:
        log.info(LogEvent.WEBHOOKS_SKIPPED, reason="there is no CALLBOARD_SIGNING_KEY to sign them")
        return
    dispatcher = WebhookDispatcher(
        container.store,
        WebhookSender(CallbackRules.of(settings)),
        WebhookSecrets(container.store, settings.signing_key),
        render,
        retries=settings.callback_retries,
        bounds=LogBounds(settings.max_log_lines, settings.max_log_bytes),
        faults=container.submissions.faults,
    )
    container.broker.add_middleware(WebhookMiddleware(dispatcher))
