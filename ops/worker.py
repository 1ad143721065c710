"""What dramatiq loads in each process of `callboardctl worker`."""

import multiprocessing
import sys

import dramatiq

from callboard.actors.container import build_container
from callboard.actors.webhooks.middleware import dispatch_webhooks
from callboard.actors.worker import WorkerLifecycle
from callboard.api.callbacks.body import CallbackBodies
from callboard.config import load_settings_or_exit
from callboard.config.load import refuse_to_start
from callboard.jobs.errors import OperationError
from callboard.ops.submissions import serve_operations
from callboard.telemetry.log_setup import configure_logging
from callboard.telemetry.traces import Telemetry

# How dramatiq's process was started is not how the processes of functions are.
multiprocessing.set_start_method(None, force=True)
settings = load_settings_or_exit()
configure_logging(settings)
if settings.embedded:
    sys.exit("Callboard cannot start: a worker needs CALLBOARD_BROKER_URL and CALLBOARD_REDIS_URL.")
try:
    container = build_container(settings, role="worker")
except OperationError as error:
    refuse_to_start(str(error))
if unknown := sorted(set(settings.queues) - set(container.registry.queues())):
    known = ", ".join(container.registry.queues())
    refuse_to_start(f"CALLBOARD_QUEUES: no operation has the queue {unknown[0]!r}, only {known}.")
telemetry = Telemetry.of(settings, process="callboard-worker")
WorkerLifecycle(container, supervised=True, telemetry=telemetry, owns_process=True).install()
dispatch_webhooks(container, CallbackBodies.of(container.store, settings, container.storage))
serve_operations(container)
broker = container.broker
dramatiq.set_broker(broker)
