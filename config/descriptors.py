"""How many files a web process may hold open, and how many clients that leaves room for."""

import resource
from typing import Final

MOST_CONNECTIONS: Final = 12_000
FEWEST_FILES: Final = 192
_MOST_FILES: Final = 65_536
_LEAST_SPARE: Final = 128
_MOST_SPARE: Final = 256
_FILES_OF_SIX: Final = 7


class TooFewFiles(OSError):
    """A process may hold too few files open to serve anybody."""


def allow_many_files() -> int:
    """Raise the limit of open files as far as this user may, and say how many there may be.

    Raises:
        TooFewFiles: even so they leave no room for clients.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    files = _MOST_FILES if soft == resource.RLIM_INFINITY else soft
    if files < FEWEST_FILES:
        raise TooFewFiles(
            f"a process may hold {files} files open here, and serving takes {FEWEST_FILES} at "
            "least; raise it with ulimit -n"
        )
    return files


def room_for_clients(files: int) -> int:
    """Say how many connections a process may hold that may hold so many files open.

    One of six may have a file besides, as an upload or a download has. What is spared is for
    Redis, RabbitMQ and the process itself.
    """
    spare = min(_MOST_SPARE, max(_LEAST_SPARE, files // 4))
    return min(MOST_CONNECTIONS, (files - spare) * 6 // _FILES_OF_SIX)
