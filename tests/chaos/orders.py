"""The submissions of clients, drawn at random, so that a seed reproduces them."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Order:
    """One submission.

    Attributes:
        body: of `POST /v1/jobs`.
        unique: the key that makes it a duplicate of another, if any.
    """

    operation: str
    body: Mapping[str, Any]
    idempotency_key: str | None
    unique: str | None


def _short(dice: random.Random) -> float:
    return round(dice.uniform(0.0, 0.6), 2)


def _long(dice: random.Random) -> float:
    return round(dice.uniform(1.5, 5.0), 2)


def _numbered(number: int) -> Mapping[str, Any]:
    return {"number": number, "seconds": round(number * 0.2, 2)}


def _paged(dice: random.Random) -> Mapping[str, Any]:
    return {"pages": dice.randint(2, 20), "failures": dice.choice([0, 1, 1, 2, 3])}


_Draw = Callable[[random.Random], Mapping[str, Any]]

KINDS: Final[Mapping[str, tuple[int, _Draw]]] = {
    "plain": (
        6,
        lambda dice: {"seconds": dice.choice([0.0, _short(dice), _long(dice), _long(dice)])},
    ),
    "plain_async": (1, lambda _: {}),
    "fragile": (3, lambda dice: {"failures": dice.randint(0, 4)}),
    "stubborn": (1, lambda dice: {"seconds": _long(dice)}),
    "single": (3, lambda dice: _numbered(dice.randint(1, 6))),
    "latest": (2, lambda dice: {"number": dice.randint(1, 4), "seconds": _short(dice)}),
    "narrow": (3, lambda dice: {"seconds": _short(dice)}),
    "wide": (1, lambda dice: {"seconds": _short(dice)}),
    "slim": (2, lambda dice: {"seconds": _short(dice)}),
    "apart": (3, lambda dice: {"seconds": dice.choice([_short(dice), _long(dice)])}),
    "unstoppable": (1, lambda dice: {"seconds": _long(dice)}),
    "doomed": (1, lambda dice: {"way": dice.choice(["exit", "kill", "crash"])}),
    "choosy": (1, lambda dice: {"seconds": _short(dice)}),
    "shared": (3, lambda dice: {"topic": dice.choice("aaab"), "seconds": _short(dice)}),
    "owned": (2, lambda dice: {"seconds": _short(dice)}),
    "paged": (2, _paged),
    "paged_apart": (1, _paged),
}
"""Operations with their weights and parameters."""


def draw_order(dice: random.Random, notes: str, *, operation: str | None = None) -> Order:
    """Draw a submission.

    Args:
        dice: random numbers of the client.
        notes: the file in which functions record what they do.
        operation: which one; any by default.

    """
    names = list(KINDS)
    name = operation or dice.choices(names, [KINDS[each][0] for each in names])[0]
    params = dict(KINDS[name][1](dice))
    body: dict[str, Any] = {"operation": name, "params": {"notes": notes, **params}}
    if dice.random() < 0.3:
        body["priority"] = dice.choice([0, 2, 8, 10, 10])
    if dice.random() < 0.12:
        body["delay_seconds"] = round(dice.uniform(0.5, 4), 1)
    key = f"{dice.getrandbits(64):016x}" if dice.random() < 0.4 else None
    return Order(name, body, key, _unique(name, params))


def _unique(name: str, params: Mapping[str, Any]) -> str | None:
    return f"{name}:{params['number']}" if "number" in params else None
