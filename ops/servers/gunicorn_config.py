"""Gunicorn's configuration, all of it from the settings; `callboardctl web` finds it."""

import gc
import logging
import math
import sys
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

# Loaded again at each HUP, or new processes would run old code here.
for _name in [
    name for name in sys.modules if name.startswith(("callboard.config", "callboard.ops"))
]:
    del sys.modules[_name]

from callboard.config.load import load_settings_or_exit, refuse_to_start  # noqa: E402
from callboard.ops.open_files import (  # noqa: E402
    TooFewFiles,
    allow_many_files,
    room_for_clients,
)
from callboard.ops.servers.generations import Generations  # noqa: E402
from callboard.telemetry.log_setup import configure_logging  # noqa: E402

_FINISH_S = 15  # time for requests to finish, then for the processes to close connections
_HANG_UP_S = 3
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # only the workers' heartbeat files are made there

_settings = load_settings_or_exit()
if _settings.embedded:
    refuse_to_start(
        "gunicorn's processes need a shared RabbitMQ and Redis; "
        "set CALLBOARD_BROKER_URL and CALLBOARD_REDIS_URL, or run `callboard dev`."
    )


class logger_class(Logger):  # type: ignore[misc]  # noqa: N801  # no types; gunicorn's own name
    """Sends gunicorn's lines to this process's one handler."""

    def setup(self, cfg: Any) -> None:
        """Configure the process's logging and remove gunicorn's own handlers."""
        super().setup(cfg)
        configure_logging(_settings)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
        self.error_log.setLevel(logging.NOTSET)

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Drop lines that quote requests."""
        if msg != "%s %s" and not msg.startswith("Ignored premature"):
            super().debug(msg, *args, **kwargs)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Drop why a request was refused: the line quotes it, and `request_refused` does not."""
        if not msg.startswith("Invalid request from"):
            super().warning(msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Remove the address of a request that could not be handled."""
        if msg.startswith("Error handling request"):
            msg, args = "Error handling request", ()
        super().exception(msg, *args, **kwargs)


def _clients() -> int:
    """Return how many clients a process may hold, or exit if none."""
    try:
        return room_for_clients(allow_many_files())
    except TooFewFiles as error:
        refuse_to_start(f"{error}.")


def on_starting(server: Any) -> None:
    """Create the count of generations, which lives as long as the master."""
    server.generations = Generations()


def on_reload(server: Any) -> None:
    """Begin a generation, so that old processes serve until new ones do."""
    server.generations.begin_generation()


def pre_fork(server: Any, worker: Any) -> None:
    """Give a process its generation."""
    worker.generations = server.generations
    worker.generation = server.generations.generation


def post_worker_init(worker: Any) -> None:
    """Announce that the process serves, bound its shutdown, and make full collections rare.

    The process ends by itself before its master kills it: its own time begins when it accepts no
    more connections, its master's when the master is told to stop.
    A full garbage collection stops the process: with the default thresholds and 2,500 waiting
    clients, for a quarter of a second. The application has frozen its modules, so that it takes a
    third of that; with these thresholds it runs once in several minutes under load. It finds
    little.
    """
    worker.generations.start(worker.generation, staying=worker.alive)
    worker.log.info("Serving (pid: %s)", worker.pid)
    worker.cfg.set("graceful_timeout", _FINISH_S)
    gc.set_threshold(20_000, 50, 20)


_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
bind = f"{_host}:{_settings.port}"
backlog = 2048
workers = _settings.web_concurrency
worker_class = "callboard.ops.servers.gunicorn_worker.Worker"  # by name: every process imports it
worker_connections = _clients()  # for each process; a waiting client holds one
preload_app = False  # connections are made in the workers, after the fork
max_requests = 0
max_requests_jitter = 0
timeout = 60  # seconds without a heartbeat of the process, not of a request
graceful_timeout = math.ceil(_settings.drain_delay.total_seconds()) + _FINISH_S + _HANG_UP_S
keepalive = 5  # an idle connection delays a stop for as long
worker_tmp_dir = str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None
control_socket_disable = True  # its default path is shared by all applications of a user

limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
forwarded_allow_ips = ",".join(_settings.trusted_proxies)

accesslog = None  # the application logs its requests itself, with their ids
errorlog = "-"
loglevel = _settings.log_level
