"""Faults of the network: between one of our processes and a server, or clients and web."""

from collections.abc import Callable, Mapping
from typing import Final

from tests.chaos.fault_context import FaultContext
from tests.chaos.plan import Fault
from tests.faults.proxy import Proxy


def cut(fault_context: FaultContext, _fault: Fault) -> None:
    """Reset all connections."""
    _line(fault_context, "cut").cut()


def refuse(fault_context: FaultContext, fault: Fault) -> None:
    """Reset all connections and refuse new ones for a while."""
    _for_a_while(fault_context, fault, "refuse", Proxy.refuse)


def deafen(fault_context: FaultContext, fault: Fault) -> None:
    """Forward nothing for a while, and keep connections open."""
    _for_a_while(fault_context, fault, "deafen", Proxy.deaf)


def slow(fault_context: FaultContext, fault: Fault) -> None:
    """Delay everything for a while."""
    seconds = round(fault_context.dice.uniform(0.02, 0.3), 3)
    _for_a_while(fault_context, fault, "slow", lambda proxy: proxy.delay(seconds))


def halve(fault_context: FaultContext, fault: Fault) -> None:
    """Forward half of the next chunk, then reset its connection."""
    toward = fault_context.dice.choice(["to-server", "to-client"])
    _for_a_while(
        fault_context,
        fault,
        "halve",
        lambda proxy: proxy.halve("to-server" if toward == "to-server" else "to-client"),
    )


FAULTS: Final[Mapping[str, Callable[[FaultContext, Fault], None]]] = {
    function.__name__: function for function in (cut, refuse, deafen, slow, halve)
}


def _for_a_while(
    fault_context: FaultContext, fault: Fault, what: str, harm: Callable[[Proxy], None]
) -> None:
    proxy = _line(fault_context, what, seconds=fault.lasts)
    harm(proxy)
    fault_context.last(fault)
    proxy.restore()


def _line(fault_context: FaultContext, what: str, **more: float) -> Proxy:
    server = fault_context.dice.choice(["redis", "redis", "rabbitmq", "http"])
    if server == "http":
        fault_context.did(what, server, **more)
        return fault_context.chaos_installation.front
    name = fault_context.dice.choice(list(fault_context.chaos_installation.lines))
    fault_context.did(what, server, service=name, **more)
    lines = fault_context.chaos_installation.lines[name]
    return lines.redis if server == "redis" else lines.rabbitmq
