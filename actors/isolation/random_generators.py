"""Random generators that modules created at import: children must not draw equal numbers."""

import random
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

_DRAWN_BITS: Final = 64
"""Entropy with more bits came from the system; with fewer, it is a chosen seed."""


def find_generators() -> list[Any]:
    """Find generators of `random`, numpy and torch in modules and their classes."""
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
    """Reseed them from the system, and the global ones of `random`, numpy and torch.

    A numpy generator that was created from a seed is not changed.
    """
    random.seed()
    for name in ("numpy.random", "torch"):
        module: Any = sys.modules.get(name)
        if module is not None:
            with suppress(Exception):  # another module of that name
                module.seed()
    for each in generators:
        with suppress(Exception):  # a subclass may not allow it
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
    except TypeError:  # `sys.modules` may hold any object
        return []
