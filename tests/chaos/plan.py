"""The faults and their times, drawn from the seed alone, so that a seed reproduces them."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

REST_SECONDS: Final = 8.0
"""No fault starts in the last part of a run."""

SECONDS_OF_RECONCILE: Final = 75.0
"""Lost messages are detected after this time, so none are lost near the end."""


@dataclass(frozen=True)
class Fault:
    """One action: a method of the nemesis.

    Attributes:
        at: seconds after the beginning.
        lasts: seconds until it is undone, where there is something to undo.
        dice: a seed for what is drawn when it is done, such as which process.
    """

    at: float
    what: str
    lasts: float
    dice: int


@dataclass(frozen=True)
class Hand:
    """Faults that exclude each other; several hands act at the same time.

    Attributes:
        gap: shortest and longest seconds between two faults.
        deck: how often each occurs, and how long it lasts; all occur before one is repeated.
    """

    name: str
    gap: tuple[float, float]
    deck: Mapping[str, tuple[int, tuple[float, float]]]


HANDS: Final[Sequence[Hand]] = (
    Hand(
        "processes",
        (7.0, 14.0),
        {
            "kill_worker": (3, (0, 0)),
            "kill_worker_master": (1, (0, 0)),
            "kill_web": (2, (0, 0)),
            "kill_web_master": (1, (0, 0)),
            "kill_child": (2, (0, 0)),
            "freeze_worker": (4, (2.5, 5.0)),
            "end_worker": (3, (0, 0)),
            "end_web": (1, (0, 0)),
            "reload_web": (1, (0, 0)),
        },
    ),
    Hand(
        "servers",
        (12.0, 24.0),
        {
            "kill_redis": (2, (0.1, 4.0)),
            "freeze_redis": (2, (0.5, 7.0)),
            "kill_rabbitmq": (1, (0.5, 4.0)),
            "wipe_rabbitmq": (1, (0.1, 1.0)),
            "purge_queues": (2, (0, 0)),
            "alarm_rabbitmq": (1, (1.0, 5.0)),
            "lose_some_records": (4, (0.8, 1.4)),
            "pause_operation": (2, (1.0, 5.0)),
            "change_limit": (3, (3.0, 8.0)),
        },
    ),
    Hand(
        "network",
        (6.0, 14.0),
        {
            "cut": (3, (0, 0)),
            "refuse": (2, (0.5, 5.0)),
            "deafen": (3, (0.5, 7.0)),
            "slow": (2, (2.0, 6.0)),
            "halve": (3, (0.5, 3.0)),
        },
    ),
)
LOSING: Final = frozenset({"wipe_rabbitmq", "purge_queues"})


def plan(seed: int, seconds: float) -> dict[str, list[Fault]]:
    """Draw the faults of each hand, in order."""
    return {hand.name: list(_faults(hand, seed, seconds)) for hand in HANDS}


def _faults(hand: Hand, seed: int, seconds: float) -> Iterator[Fault]:
    dice = random.Random(f"{seed} {hand.name}")
    at = dice.uniform(1.0, 5.0)
    for what in _deal(hand, dice):
        lasts = round(dice.uniform(*hand.deck[what][1]), 2)
        fault = Fault(round(at, 2), what, lasts, dice.getrandbits(32))
        if at + lasts > seconds - REST_SECONDS:
            return
        if what in LOSING and at > seconds - SECONDS_OF_RECONCILE:
            continue
        yield fault
        at += lasts + dice.uniform(*hand.gap)


def _deal(hand: Hand, dice: random.Random) -> Iterator[str]:
    while True:
        deck = [what for what, (count, _) in hand.deck.items() for _ in range(count)]
        dice.shuffle(deck)
        yield from deck
