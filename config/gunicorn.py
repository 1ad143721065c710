"""Gunicorn's configuration, all of it from the settings: `gunicorn --config config/gunicorn.py`."""

import gc
import logging
import resource
import sys
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from config.load import load_settings_or_exit
from config.logging import configure_logging

_OPEN_FILES = 65_536
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # only the workers' heartbeat files are made there

_settings = load_settings_or_exit()
if _settings.embedded:
    sys.stderr.write(
        "Callboard cannot start: gunicorn runs several processes, which need servers to share; "
        "set CALLBOARD_BROKER_URL and CALLBOARD_REDIS_URL, or run `callboardctl dev`.\n"
    )
    raise SystemExit(2)


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


def _let_many_wait() -> int:
    """Allow as many open files as the system lets this user have: each waiting client is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(soft, wanted)


def post_worker_init(_worker: object) -> None:
    """Let the garbage collector pass over what stays, and over what waits only seldom.

    A full collection stops the process while it looks at everything: with 2,500 clients that
    wait a quarter of a second, as it is set by default. Without the modules it takes a third of
    that, and comes once in minutes under load; what it finds is little.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 20)


_files = _let_many_wait()

_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
bind = f"{_host}:{_settings.port}"
backlog = 2048
workers = _settings.web_concurrency
worker_class = "ops.gunicorn_worker.Worker"  # of gevent; by name, since config imports nobody
worker_connections = min(10_000, _files - 256)  # of each process; a waiting client holds one
preload_app = False  # connections are made in the workers, after the fork
max_requests = 0
max_requests_jitter = 0
timeout = 60  # seconds without a sign of life of the process, not of a request
graceful_timeout = 15  # waiting requests are answered and streams ended before
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
