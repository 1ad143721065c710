"""Deliveries as part of a worker: they begin and end with it."""

from typing import Any, Final

from dramatiq import Broker, Middleware

from callboard.actors.assembly import Assembly
from callboard.actors.callbacks.courier import Courier, Render
from callboard.actors.callbacks.post import Post
from callboard.config.lines import get_logger
from callboard.jobs.callbacks.secrets import WebhookSecrets
from callboard.jobs.callbacks.url import CallbackRules
from callboard.jobs.progress import LogBounds

LAST_SECONDS: Final = 2.0

log = get_logger(__name__)


class Delivering(Middleware):
    """Starts and stops a courier with the worker.

    A worker that stops takes no more deliveries while its jobs have their grace; those under way
    then have two seconds more.
    """

    def __init__(self, courier: Courier) -> None:
        self._courier = courier

    def after_worker_boot(self, broker: Broker, worker: Any) -> None:  # noqa: ARG002
        """Take deliveries, in the process that does the work."""
        self._courier.start()

    def before_worker_shutdown(self, broker: Broker, worker: Any) -> None:  # noqa: ARG002
        """Take no more."""
        self._courier.stop()

    def after_worker_shutdown(self, broker: Broker, worker: Any) -> None:  # noqa: ARG002
        """Leave what is still under way to its lease."""
        self._courier.close(LAST_SECONDS)


def deliver_callbacks(assembly: Assembly, render: Render) -> None:
    """Have the worker of an assembly deliver callbacks, if there is a key to sign them with.

    Args:
        assembly: of the process; call before its worker boots.
        render: writes what callbacks say.
    """
    settings = assembly.settings
    if settings.signing_key is None:
        log.info("callbacks_left", reason="there is no CALLBOARD_SIGNING_KEY to sign them")
        return
    courier = Courier(
        assembly.store,
        Post(CallbackRules.of(settings)),
        WebhookSecrets(assembly.store, settings.signing_key),
        render,
        retries=settings.callback_retries,
        bounds=LogBounds(settings.max_log_lines, settings.max_log_bytes),
        faults=assembly.intake.faults,
    )
    assembly.broker.add_middleware(Delivering(courier))
