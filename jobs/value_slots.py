"""The slots of `max_running_per`: one for each tenant or each value of a parameter.

A slot is `per:<operation>:<name>:<value>`, where the name is `tenant` or a parameter's. All values
of a name share one limit, that of the class `per:<operation>:<name>`.
"""

from collections.abc import Mapping
from typing import Final

TENANT: Final = "tenant"

VALUE_PREFIX: Final = "per:"
_PARTS: Final = 3


def value_class(operation: str, name: str) -> str:
    """Return the name of the limit that all values of a parameter, or all tenants, share."""
    return f"{VALUE_PREFIX}{operation}:{name}"


def value_slot(operation: str, name: str, value: str) -> str:
    """Return the name of the slot of one value.

    Args:
        operation: the operation's name.
        name: `tenant`, or the name of a parameter.
        value: a tenant's name, or the digest of a parameter's value.
    """
    return f"{value_class(operation, name)}:{value}"


def slot_shown(slot: str) -> str:
    """Return the form of a slot's name for people: without the value, which may be a digest."""
    return ":".join(slot.split(":")[:_PARTS]) if slot.startswith(VALUE_PREFIX) else slot


def complaints_about(limits: Mapping[str, int], parameters: frozenset[str]) -> list[str]:
    """List what is wrong with the names in an operation's `max_running_per`.

    Args:
        limits: the number of places by name.
        parameters: the names of the operation's parameters.
    """
    wrong = [
        f"max_running_per names {name!r}, which is neither tenant nor a parameter of the function"
        for name in limits
        if name != TENANT and name not in parameters
    ]
    if TENANT in limits and TENANT in parameters:
        wrong.append(
            "max_running_per names 'tenant', which is also a parameter here: rename the parameter"
        )
    return wrong
