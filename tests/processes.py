"""Processes that a test has started, looked at from outside."""

import psutil


def is_running(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be reaped."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def children_of(pid: int) -> list[int]:
    """Name the processes that one has started and that are still there."""
    return [child.pid for child in psutil.Process(pid).children()]


def parent_of(pid: int) -> int:
    """Name the process that has started one; 0 when that is gone."""
    try:
        return int(psutil.Process(pid).ppid())
    except psutil.NoSuchProcess:
        return 0
