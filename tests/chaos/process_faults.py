"""Faults of our processes: killed, frozen for longer than a lease, asked to end."""

import signal
from collections.abc import Callable, Mapping
from typing import Final

import psutil

from tests.chaos.fault_context import FaultContext
from tests.chaos.installation import suppress_gone
from tests.chaos.plan import Fault
from tests.chaos.service import Service


def kill_worker(fault_context: FaultContext, _fault: Fault) -> None:
    """SIGKILL a process that runs functions."""
    _kill(fault_context, "worker", _draw(fault_context, _some_worker(fault_context).workers()))


def kill_worker_master(fault_context: FaultContext, _fault: Fault) -> None:
    """SIGKILL the master of a process that runs functions."""
    _kill(fault_context, "worker-master", _some_worker(fault_context).main)


def kill_web(fault_context: FaultContext, _fault: Fault) -> None:
    """SIGKILL a process that answers requests."""
    _kill(
        fault_context, "web", _draw(fault_context, fault_context.chaos_installation.web.workers())
    )


def kill_web_master(fault_context: FaultContext, _fault: Fault) -> None:
    """SIGKILL the master of the processes that answer requests."""
    _kill(fault_context, "web-master", fault_context.chaos_installation.web.main)


def kill_child(fault_context: FaultContext, _fault: Fault) -> None:
    """SIGKILL a child process, or the fork server."""
    children = [
        each
        for worker in fault_context.chaos_installation.workers
        for each in worker.grandchildren()
    ]
    _kill(fault_context, "child", _draw(fault_context, children))


def freeze_worker(fault_context: FaultContext, fault: Fault) -> None:
    """SIGSTOP a process that runs functions for longer than its leases, then resume it."""
    process = _draw(fault_context, _some_worker(fault_context).workers())
    if process is None:
        return
    with suppress_gone():
        process.suspend()
        fault_context.did("freeze", "worker", pid=process.pid, seconds=fault.lasts)
        fault_context.last(fault)
        process.resume()


def end_worker(fault_context: FaultContext, _fault: Fault) -> None:
    """SIGTERM a worker, as a deploy does; an impatient one does it twice."""
    service = _some_worker(fault_context)
    for _ in range(fault_context.dice.choice([1, 1, 2])):
        _send(fault_context, "end", "worker", service, signal.SIGTERM)


def end_web(fault_context: FaultContext, _fault: Fault) -> None:
    """SIGTERM the web server, as a deploy does."""
    _send(fault_context, "end", "web", fault_context.chaos_installation.web, signal.SIGTERM)


def reload_web(fault_context: FaultContext, _fault: Fault) -> None:
    """SIGHUP the web server, which replaces its processes one after another."""
    _send(fault_context, "reload", "web", fault_context.chaos_installation.web, signal.SIGHUP)


FAULTS: Final[Mapping[str, Callable[[FaultContext, Fault], None]]] = {
    function.__name__: function
    for function in (
        kill_worker,
        kill_worker_master,
        kill_web,
        kill_web_master,
        kill_child,
        freeze_worker,
        end_worker,
        end_web,
        reload_web,
    )
}


def _some_worker(fault_context: FaultContext) -> Service:
    return fault_context.dice.choice(fault_context.chaos_installation.workers)


def _draw(fault_context: FaultContext, processes: list[psutil.Process]) -> psutil.Process | None:
    return fault_context.dice.choice(processes) if processes else None


def _kill(fault_context: FaultContext, target: str, process: psutil.Process | None) -> None:
    if process is not None:
        with suppress_gone():
            process.kill()
            fault_context.did("kill", target, pid=process.pid)


def _send(
    fault_context: FaultContext, what: str, target: str, service: Service, number: signal.Signals
) -> None:
    main = service.main
    if main is not None:
        with suppress_gone():
            main.send_signal(number)
            fault_context.did(what, target, pid=main.pid)
