"""Rank decides in every queue, as far as its levels allow."""

from itertools import pairwise

import pytest

from callboard.actors.levels import (
    EARLIER_LEVEL,
    HIGHEST_LEVEL,
    Levels,
    is_of_earlier_version,
    level_of,
    levels_of,
)

PRIORITIES = range(11)
OLD_REFUSAL = (
    "PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'callboard.default' in "
    "vhost '/': received the value '21' of type 'signedint' but current is the value '11' of type "
    "'signedint'"
)


def test_an_unblocked_job_precedes_its_own_priority_and_follows_every_better_one() -> None:
    levels = [
        level_of(priority, reserved=reserved)
        for priority in PRIORITIES
        for reserved in (False, True)
    ]

    assert levels == list(range(HIGHEST_LEVEL + 1))


@pytest.mark.parametrize("levels", Levels)
def test_no_job_precedes_a_better_one_whatever_levels_the_queue_has(levels: Levels) -> None:
    for worse, better in pairwise(PRIORITIES):
        reserved = level_of(worse, reserved=True, levels=levels)

        assert reserved <= level_of(better, reserved=False, levels=levels)


def test_a_queue_of_an_earlier_version_separates_all_priorities() -> None:
    plain = [level_of(each, reserved=False, levels=Levels.EARLIER) for each in PRIORITIES]

    assert len(set(plain)) == len(PRIORITIES)
    assert max(plain) == EARLIER_LEVEL
    assert level_of(5, reserved=True, levels=Levels.EARLIER) not in plain


@pytest.mark.parametrize(
    ("version", "levels"),
    [("3.13.7", Levels.ALL), ("4.0.5", Levels.TWO), ("4.2.0", Levels.TWO), ("4.3.1", Levels.ALL)],
)
def test_quorum_queues_have_the_levels_of_their_version(version: str, levels: Levels) -> None:
    assert levels_of("quorum", version) is levels
    assert levels_of("classic", version) is Levels.ALL


def test_with_two_levels_the_default_priority_is_the_lower_one() -> None:
    assert level_of(5, reserved=True, levels=Levels.TWO) < level_of(
        6, reserved=False, levels=Levels.TWO
    )


def test_a_queue_of_an_earlier_version_is_recognised_by_the_refusal() -> None:
    assert is_of_earlier_version(OLD_REFUSAL)
    assert is_of_earlier_version(OLD_REFUSAL.replace("the value ", ""))
    assert not is_of_earlier_version(OLD_REFUSAL.replace("'11'", "'3'"))
    assert not is_of_earlier_version("inequivalent arg 'x-queue-type' … but current is '11'")
