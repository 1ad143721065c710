"""Reads the state of processes that a test has started."""

import psutil


def is_running(pid: int) -> bool:
    """Whether a process is running and not a zombie."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def children_of(pid: int) -> list[int]:
    """Return the running children of a process."""
    return [child.pid for child in psutil.Process(pid).children()]


def parent_of(pid: int) -> int:
    """Return the parent of a process; 0 if it is gone."""
    try:
        return int(psutil.Process(pid).ppid())
    except psutil.NoSuchProcess:
        return 0
