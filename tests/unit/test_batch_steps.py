"""A batch is recorded in short steps, whatever its dependencies."""

import itertools

import pytest

from callboard.jobs.batches.submission_service import MAX_NAMED_PER_STEP, Item, end_of_step
from callboard.jobs.batches.submit import STEP

pytestmark = pytest.mark.check

HALF = MAX_NAMED_PER_STEP // 2


def steps_of(*named: int) -> list[int]:
    """Return the number of items in each step, for items with these numbers of dependencies."""
    items = [Item(chosen={"after": tuple(map(str, range(number)))}) for number in named]
    ends = [0]
    while ends[-1] < len(items):
        ends.append(end_of_step(items, ends[-1]))
    return [end - begin for begin, end in itertools.pairwise(ends)]


def test_a_step_has_a_maximum_number_of_items() -> None:
    assert steps_of(*[0] * (2 * STEP + 1)) == [STEP, STEP, 1]


def test_the_items_of_a_step_name_a_maximum_number_of_jobs_together() -> None:
    assert steps_of(HALF, HALF, 1, HALF, HALF) == [2, 2, 1]


def test_an_item_that_names_more_is_a_separate_step() -> None:
    assert steps_of(1, MAX_NAMED_PER_STEP + 1, 1) == [1, 1, 1]
