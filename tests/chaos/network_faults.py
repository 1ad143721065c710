"""Faults of the network: between one of our processes and a server, or clients and web."""

from collections.abc import Callable, Mapping
from typing import Final

from tests.chaos.plan import Fault
from tests.chaos.scene import Scene
from tests.faults.proxy import Proxy


def cut(scene: Scene, _fault: Fault) -> None:
    """Reset all connections."""
    _line(scene, "cut").cut()


def refuse(scene: Scene, fault: Fault) -> None:
    """Reset all connections and take no new ones for a while."""
    _for_a_while(scene, fault, "refuse", Proxy.refuse)


def deafen(scene: Scene, fault: Fault) -> None:
    """Pass nothing on for a while, and keep connections open."""
    _for_a_while(scene, fault, "deafen", Proxy.deaf)


def slow(scene: Scene, fault: Fault) -> None:
    """Pass everything on late for a while."""
    seconds = round(scene.dice.uniform(0.02, 0.3), 3)
    _for_a_while(scene, fault, "slow", lambda proxy: proxy.delay(seconds))


def halve(scene: Scene, fault: Fault) -> None:
    """Pass half of the next chunk on, then reset its connection."""
    toward = scene.dice.choice(["to-server", "to-client"])
    _for_a_while(
        scene,
        fault,
        "halve",
        lambda proxy: proxy.halve("to-server" if toward == "to-server" else "to-client"),
    )


FAULTS: Final[Mapping[str, Callable[[Scene, Fault], None]]] = {
    function.__name__: function for function in (cut, refuse, deafen, slow, halve)
}


def _for_a_while(scene: Scene, fault: Fault, what: str, harm: Callable[[Proxy], None]) -> None:
    proxy = _line(scene, what, seconds=fault.lasts)
    harm(proxy)
    scene.last(fault)
    proxy.mend()


def _line(scene: Scene, what: str, **more: float) -> Proxy:
    server = scene.dice.choice(["redis", "redis", "rabbitmq", "http"])
    if server == "http":
        scene.did(what, server, **more)
        return scene.plant.front
    name = scene.dice.choice(list(scene.plant.lines))
    scene.did(what, server, service=name, **more)
    lines = scene.plant.lines[name]
    return lines.redis if server == "redis" else lines.rabbitmq
