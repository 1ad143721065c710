"""Gunicorn's configuration, all of it from the settings; `callboardctl web` finds it."""

import gc
import logging
import math
import sys
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

# Read anew at each HUP, or new processes would have new code everywhere but here.
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

_FINISH_S = 15  # that requests get to end, and the processes to hang up after that
_HANG_UP_S = 3
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # only the workers' heartbeat files are made there

_settings = load_settings_or_exit()
if _settings.embedded:
    refuse_to_start(
        "gunicorn's processes need a shared RabbitMQ and Redis; "
        "set CALLBOARD_BROKER_URL and CALLBOARD_REDIS_URL, or run `callboard dev`."
    )


class logger_class(Logger):  # type: ignore[misc]  # noqa: N801  # no types; gunicorn's own name
    """Leave gunicorn's lines to this process' one handler."""

    def setup(self, cfg: Any) -> None:
        """Configure the process' logging and take gunicorn's own handlers away."""
        super().setup(cfg)
        configure_logging(_settings)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
        self.error_log.setLevel(logging.NOTSET)

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Leave out lines that quote what was sent: each request's path, half a request."""
        if msg != "%s %s" and not msg.startswith("Ignored premature"):
            super().debug(msg, *args, **kwargs)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Leave out why a request is refused: it quotes it, and we say it without."""
        if not msg.startswith("Invalid request from"):
            super().warning(msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Leave out the address of a request that could not be handled."""
        if msg.startswith("Error handling request"):
            msg, args = "Error handling request", ()
        super().exception(msg, *args, **kwargs)


def _clients() -> int:
    """Say how many clients a process may hold, or that it could hold none."""
    try:
        return room_for_clients(allow_many_files())
    except TooFewFiles as error:
        refuse_to_start(f"{error}.")


def on_starting(server: Any) -> None:
    """Keep count of the generations of processes, for as long as the master lives."""
    server.generations = Generations()


def on_reload(server: Any) -> None:
    """Let the old processes serve until the new ones do."""
    server.generations.begin_generation()


def pre_fork(server: Any, worker: Any) -> None:
    """Tell a process which generation it belongs to."""
    worker.generations = server.generations
    worker.generation = server.generations.generation


def post_worker_init(worker: Any) -> None:
    """Say that it serves, bound the time of its end, and let it collect garbage rarely.

    A process ends by itself before its master kills it: its own time begins when it takes no more
    connections, its master's when that is told to stop.
    A full collection stops the process while it looks at everything: with 2,500 clients that
    wait a quarter of a second, as it is set by default. Without the modules, which the application
    has frozen, it takes a third of that, and comes once in minutes under load; what it finds is
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
worker_class = "callboard.ops.servers.gunicorn_worker.Worker"  # by name: each process imports it
worker_connections = _clients()  # of each process; a waiting client holds one
preload_app = False  # connections are made in the workers, after the fork
max_requests = 0
max_requests_jitter = 0
timeout = 60  # seconds without a sign of life of the process, not of a request
graceful_timeout = math.ceil(_settings.drain_delay.total_seconds()) + _FINISH_S + _HANG_UP_S
keepalive = 5  # an idle connection holds up a stop for as long
worker_tmp_dir = str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None
control_socket_disable = True  # its default path is shared by all applications of a user

limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
forwarded_allow_ips = ",".join(_settings.trusted_proxies)

accesslog = None  # the application logs its requests itself, with their ids
errorlog = "-"
loglevel = _settings.log_level
