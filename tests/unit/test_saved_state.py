"""The next attempt finds the saved state, or the save is refused."""

from typing import Any

import numpy as np
import pytest

from callboard.jobs.job import Job
from callboard.jobs.progress import ProgressReport
from callboard.jobs.saved_state import MAX_STATE_BYTES

pytestmark = pytest.mark.check


def test_a_job_that_saved_nothing_finds_none() -> None:
    assert Job("1", 1).saved is None


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ({"page": 3, "seen": ["a", "b"], "raw": b"\x00"},) * 2,
        (0, 0),
        ("", ""),
        ((1, 2), [1, 2]),
        (np.int64(7), 7),
        (np.array([1.5, 2.5]), [1.5, 2.5]),
        ({1: "a"}, {1: "a"}),
    ],
)
def test_a_saved_state_is_found(state: Any, found: Any) -> None:
    job = Job("1", 1)

    job.save(state)

    assert job.saved == found


def test_changes_after_a_save_are_not_saved() -> None:
    job, pages = Job("1", 1), [1]
    job.save(pages)

    pages.append(2)
    job.saved.append(3)

    assert job.saved == [1]


@pytest.mark.parametrize(
    ("state", "error", "told"),
    [
        ({"a": [object()]}, TypeError, "The state cannot be saved: "),
        ({1, 2}, TypeError, "The state cannot be saved: "),
        ({"a": {(1, 2): "b"}}, TypeError, "The state cannot be saved: .*key"),
        (2**64, ValueError, "The state cannot be saved: "),
        ("x" * MAX_STATE_BYTES, ValueError, "at most 1048576 can be saved"),
    ],
)
def test_an_unencodable_state_is_refused_and_the_last_one_stays(
    state: Any, error: type[Exception], told: str
) -> None:
    job = Job("1", 1)
    job.save("before")

    with pytest.raises(error, match=told):
        job.save(state)

    assert job.saved == "before"


def test_a_recursive_state_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)

    with pytest.raises(TypeError, match="nested deeper"):
        Job("1", 1).save(circle)


def test_the_newest_state_is_reported_once() -> None:
    job = Job("1", 1)
    job.save("first")
    job.save("second")

    first, second = job.collect(), job.collect()

    assert first is not None
    assert (first.lines, second) == ((), None)
    assert _found(first) == "second"


def test_a_state_from_a_child_process_is_accepted() -> None:
    here, there = Job("1", 1), Job("1", 1)
    there.save([1, 2])
    report = there.collect()
    assert report is not None

    here.absorb(report)

    assert here.saved == [1, 2]
    passed_on = here.collect()
    assert passed_on is not None
    assert _found(passed_on) == [1, 2]


def _found(report: ProgressReport) -> Any:
    job = Job("1", 2)
    job.begin_with(report.state)
    return job.saved
