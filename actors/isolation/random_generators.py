"""Random generators that modules made at import: children must not all draw the same from them."""

import random
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

_DRAWN_BITS: Final = 64
"""Entropy of more bits than that was drawn from the system; less was chosen by somebody."""


def find_generators() -> list[Any]:
    """Find those that stand in modules, or in classes of modules; of `random`, numpy and torch."""
    numpy: Any = sys.modules.get("numpy.random")
    kinds: tuple[type, ...] = (random.Random,)
    if numpy is not None:
        kinds += (numpy.Generator, numpy.RandomState)
    found: dict[int, Any] = {}
    for value in _values():
        if issubclass(type(value), kinds) and not issubclass(type(value), random.SystemRandom):
            found[id(value)] = value
    return list(found.values())


def reseed(generators: list[Any]) -> None:
    """Seed them anew from the system, and those that `random`, numpy and torch have themselves.

    A generator of numpy that was made from a seed is left as it is.
    """
    random.seed()
    for name in ("numpy.random", "torch"):
        module: Any = sys.modules.get(name)
        if module is not None:
            with suppress(Exception):  # a module that is called so
                module.seed()
    for each in generators:
        with suppress(Exception):  # a class of somebody's own may not allow it
            _reseed(each)


def _reseed(generator: Any) -> None:
    bits = getattr(generator, "bit_generator", None)
    if bits is None:
        generator.seed()
    elif _is_drawn(bits):
        bits.state = type(bits)().state


def _is_drawn(bits: Any) -> bool:
    entropy = getattr(bits.seed_seq, "entropy", None)
    return isinstance(entropy, int) and entropy.bit_length() > _DRAWN_BITS


def _values() -> Iterator[Any]:
    for module in list(sys.modules.values()):
        for value in _members(module):
            yield value
            if isinstance(value, type) and value.__module__ == getattr(module, "__name__", None):
                yield from _members(value)


def _members(owner: Any) -> list[Any]:
    try:
        return list(vars(owner).values())
    except TypeError:  # whatever somebody has put among the modules
        return []
