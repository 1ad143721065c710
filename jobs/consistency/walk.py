"""Walks through keys and sorted sets in small, quick steps, up to a bound."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from callboard.jobs.store import Store

STEP: Final = 50
_KEYS_A_STEP: Final = 1_000
_MAX_STEPS: Final = 100_000


@dataclass
class Walked:
    """How much was looked at.

    Attributes:
        entries: of all sorted sets, and keys of all kinds.
        cut: by set or kind of key, how many of how many were looked at where that was not all;
            None for how many is more than anybody counted.
    """

    entries: int = 0
    cut: dict[str, tuple[int, int | None]] = field(default_factory=dict)


def walk_sorted_set(store: Store, key: str, walked: Walked, *, most: int) -> Iterator[list[str]]:
    """Yield the entries of a sorted set, in steps; of one that is too long those of lowest score.

    Entries that are there all the time are given, whatever else changes meanwhile; some twice.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (size,) = store.pipeline(("ZCARD", key))
    steps = _all_of(store, key) if size <= most else _first_of(store, key, most)
    seen = 0
    for step in steps:
        seen += len(step)
        yield step
    walked.entries += seen
    if size > most:
        walked.cut[key.removeprefix(store.keys.prefix)] = (seen, size)


def walk_keys(store: Store, pattern: str, walked: Walked, *, most: int) -> Iterator[list[str]]:
    """Yield the keys of a pattern without the namespace's prefix, in steps.

    Args:
        store: the store.
        pattern: a glob of what follows the prefix.
        walked: learns how much was looked at.
        most: how many keys are given.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    prefix = store.keys.prefix
    # The braces of the namespace are plain in a glob, which knows [ ] * ? \ alone.
    cursor, seen = 0, 0
    for _ in range(_MAX_STEPS):
        (reply,) = store.pipeline(
            ("SCAN", cursor, "MATCH", f"{prefix}{pattern}", "COUNT", _KEYS_A_STEP)
        )
        cursor, names = reply
        found = [name.decode("utf-8", "replace").removeprefix(prefix) for name in names]
        seen += len(found)
        for start in range(0, len(found), STEP):
            yield found[start : start + STEP]
        if cursor == 0 or seen >= most:
            break
    walked.entries += seen
    if cursor:
        walked.cut[f"{pattern.partition(':')[0]}: keys"] = (seen, None)


def _all_of(store: Store, key: str) -> Iterator[list[str]]:
    cursor = 0
    while True:
        ((cursor, scored),) = store.pipeline(("ZSCAN", key, cursor, "COUNT", STEP))
        entries = [entry.decode() for entry, _score in scored]
        # A short set comes in one piece, whatever COUNT says.
        for start in range(0, len(entries), STEP):
            yield entries[start : start + STEP]
        if cursor == 0:
            return


def _first_of(store: Store, key: str, most: int) -> Iterator[list[str]]:
    for start in range(0, most, STEP):
        (entries,) = store.pipeline(("ZRANGE", key, start, min(start + STEP, most) - 1))
        if not entries:
            return
        yield [entry.decode() for entry in entries]
