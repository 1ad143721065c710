"""The limit of open files, and how many clients or functions it allows."""

import resource
from typing import Final

MAX_CONNECTIONS: Final = 12_000
MIN_FILES: Final = 192
_MAX_FILES: Final = 65_536
_MIN_SPARE: Final = 128
_MAX_SPARE: Final = 256
_FILES_OF_SIX: Final = 7
_FILES_OF_THREAD: Final = 8


class TooFewFiles(OSError):
    """The limit of open files is too low for the process's task."""


def allow_many_files(least: int = MIN_FILES, *, doing: str = "serving") -> int:
    """Raise the limit of open files as far as this user may, and return it.

    Args:
        least: the number that the process needs.
        doing: the purpose, for the error's message.

    Raises:
        TooFewFiles: the limit is still lower.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    files = _MAX_FILES if soft == resource.RLIM_INFINITY else soft
    if files < least:
        raise TooFewFiles(
            f"this process may open {files} files, but {doing} needs at least {least}; "
            "raise the limit with ulimit -n"
        )
    return files


def allow_files_of_worker(threads: int) -> None:
    """Raise the limit of open files for a worker, whose functions inherit it.

    Each thread has a process of its own, with two sockets that lead to it and two while it starts,
    and some files of a job.

    Raises:
        TooFewFiles: the limit is too low for all of its threads.
    """
    least = _MIN_SPARE + threads * _FILES_OF_THREAD
    allow_many_files(least, doing=f"a worker with CALLBOARD_THREADS={threads}")


def room_for_clients(files: int) -> int:
    """Return how many connections fit into a limit of open files.

    One in six may need a file as well, for an upload or a download. The rest is reserved for
    Redis, RabbitMQ and the process itself.
    """
    spare = min(_MAX_SPARE, max(_MIN_SPARE, files // 4))
    return min(MAX_CONNECTIONS, (files - spare) * 6 // _FILES_OF_SIX)
