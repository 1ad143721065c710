"""Faults of our processes: killed, frozen for longer than a lease, asked to end."""

import signal
from collections.abc import Callable, Mapping
from typing import Final

import psutil

from tests.chaos.plan import Fault
from tests.chaos.plant import suppress_gone
from tests.chaos.scene import Scene
from tests.chaos.service import Service


def kill_worker(scene: Scene, _fault: Fault) -> None:
    """SIGKILL a process that runs functions."""
    _kill(scene, "worker", _draw(scene, _some_worker(scene).workers()))


def kill_worker_master(scene: Scene, _fault: Fault) -> None:
    """SIGKILL the process that looks after one that runs functions."""
    _kill(scene, "worker-master", _some_worker(scene).main)


def kill_web(scene: Scene, _fault: Fault) -> None:
    """SIGKILL a process that answers requests."""
    _kill(scene, "web", _draw(scene, scene.plant.web.workers()))


def kill_web_master(scene: Scene, _fault: Fault) -> None:
    """SIGKILL the process that looks after those that answer requests."""
    _kill(scene, "web-master", scene.plant.web.main)


def kill_child(scene: Scene, _fault: Fault) -> None:
    """SIGKILL a process in which functions run apart, or the one that such come from."""
    children = [each for worker in scene.plant.workers for each in worker.grandchildren()]
    _kill(scene, "child", _draw(scene, children))


def freeze_worker(scene: Scene, fault: Fault) -> None:
    """SIGSTOP a process that runs functions for longer than its leases, then let it go on."""
    process = _draw(scene, _some_worker(scene).workers())
    if process is None:
        return
    with suppress_gone():
        process.suspend()
        scene.did("freeze", "worker", pid=process.pid, seconds=fault.lasts)
        scene.last(fault)
        process.resume()


def end_worker(scene: Scene, _fault: Fault) -> None:
    """SIGTERM a worker, as a deploy does; an impatient one does it twice."""
    service = _some_worker(scene)
    for _ in range(scene.dice.choice([1, 1, 2])):
        _send(scene, "end", "worker", service, signal.SIGTERM)


def end_web(scene: Scene, _fault: Fault) -> None:
    """SIGTERM the web server, as a deploy does."""
    _send(scene, "end", "web", scene.plant.web, signal.SIGTERM)


def reload_web(scene: Scene, _fault: Fault) -> None:
    """SIGHUP the web server, which replaces its processes one after another."""
    _send(scene, "reload", "web", scene.plant.web, signal.SIGHUP)


FAULTS: Final[Mapping[str, Callable[[Scene, Fault], None]]] = {
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


def _some_worker(scene: Scene) -> Service:
    return scene.dice.choice(scene.plant.workers)


def _draw(scene: Scene, processes: list[psutil.Process]) -> psutil.Process | None:
    return scene.dice.choice(processes) if processes else None


def _kill(scene: Scene, target: str, process: psutil.Process | None) -> None:
    if process is not None:
        with suppress_gone():
            process.kill()
            scene.did("kill", target, pid=process.pid)


def _send(scene: Scene, what: str, target: str, service: Service, number: signal.Signals) -> None:
    main = service.main
    if main is not None:
        with suppress_gone():
            main.send_signal(number)
            scene.did(what, target, pid=main.pid)
