"""The handle of a running job: it never blocks, forgets nothing it may keep, and stops on time."""

import msgpack
import numpy as np
import pytest

from jobs.errors import Cancelled, Interruption, TimedOut
from jobs.job import LONGEST_LINE, MOST_BUFFERED_LINES, MOST_UNITS, Job
from jobs.progress import Report


class Bell:
    """Counts how often it rang."""

    def __init__(self) -> None:
        self.rings = 0

    def changed(self) -> None:
        self.rings += 1


@pytest.fixture
def job() -> Job:
    return Job("0199", 2)


def test_a_job_knows_its_id_and_its_attempt(job: Job) -> None:
    assert (job.id, job.attempt) == ("0199", 2)


def test_nothing_is_collected_when_nothing_has_changed(job: Job) -> None:
    job.progress(1, 2)
    job.collect()

    assert job.collect() is None


@pytest.mark.parametrize(
    ("current", "total", "percent"),
    [(1, 3, 33.3), (50, None, 50.0), (7, 5, 100.0), (-1, 5, 0.0), (1, 0, 0.0), (150, None, 100.0)],
)
def test_progress_is_a_percentage_between_0_and_100(
    job: Job, current: float, total: float | None, percent: float
) -> None:
    job.progress(current, total)

    report = job.collect()

    assert report is not None
    assert report.percent == percent


def test_progress_is_a_number_that_can_be_sent_whatever_it_was_counted_in(job: Job) -> None:
    job.progress(np.float32(0.5), np.float32(2))

    report = job.collect()

    assert report is not None
    assert (report.percent, type(report.percent)) == (25.0, float)


@pytest.mark.parametrize(
    ("current", "total", "shown"),
    [
        (10**400, 10**401, (10.0, MOST_UNITS, MOST_UNITS)),
        (-(10**30), 10**19, (0.0, -MOST_UNITS, MOST_UNITS)),
        (float("nan"), float("inf"), (0.0, 0, MOST_UNITS)),
    ],
    ids=["huge", "negative", "no number"],
)
def test_no_progress_is_too_large_for_those_who_read_it(
    job: Job, current: float, total: float, shown: tuple[float, int, int]
) -> None:
    job.progress(current, total)

    report = job.collect()

    assert report is not None
    assert (report.percent, report.current, report.total) == shown
    assert msgpack.packb([report.current, report.total])


def test_the_latest_progress_and_step_count_and_every_line_is_kept(job: Job) -> None:
    job.step("Reading")
    job.progress(1, 10)
    job.step("Writing")
    job.progress(2, 10)
    job.log("halfway")

    report = job.collect()

    assert report is not None
    assert (report.step, report.percent, report.current, report.total) == ("Writing", 20.0, 2, 10)
    assert [line.split(" ", 1)[1] for line in report.lines] == ["— Reading", "— Writing", "halfway"]


def test_a_long_line_is_cut_and_a_flood_says_how_much_was_dropped(job: Job) -> None:
    job.log("x" * (LONGEST_LINE + 1))
    for _ in range(MOST_BUFFERED_LINES + 4):
        job.log("more")

    report = job.collect()

    assert report is not None
    assert len(report.lines[0].split(" ", 1)[1]) == LONGEST_LINE
    assert len(report.lines) == MOST_BUFFERED_LINES + 1
    assert report.lines[-1].endswith(" (5 lines dropped)")


def test_tracking_counts_what_is_done_and_ends_at_a_hundred(job: Job) -> None:
    seen = []
    for item in job.track(["a", "b"]):
        report = job.collect()
        seen.append((item, report and report.percent))

    last = job.collect()

    assert seen == [("a", 0.0), ("b", 50.0)]
    assert last == Report(percent=100.0, current=2, total=2)


def test_tracking_something_without_a_length_passes_it_through(job: Job) -> None:
    items = list(job.track(iter("abc")))

    assert items == ["a", "b", "c"]
    assert job.collect() is None


def test_a_stopped_job_stops_at_its_next_checkpoint_for_the_first_cause(job: Job) -> None:
    job.stop(TimedOut("Too long."))
    job.stop()

    with pytest.raises(Interruption, match=r"Too long\.") as interruption:
        job.checkpoint()

    assert isinstance(interruption.value.cause, TimedOut)
    assert job.cancelled


def test_tracking_stops_with_the_job(job: Job) -> None:
    done = []

    def run() -> None:
        for item in job.track([1, 2, 3]):
            done.append(item)
            job.stop()

    with pytest.raises(Interruption) as interruption:
        run()

    assert done == [1]
    assert isinstance(interruption.value.cause, Cancelled)


def test_a_function_that_catches_every_exception_does_not_catch_the_interruption(
    job: Job,
) -> None:
    job.stop()

    def careless() -> None:
        try:
            job.checkpoint()
        except Exception:  # noqa: BLE001  # what careless functions do
            pytest.fail("the interruption was caught")

    with pytest.raises(Interruption):
        careless()


def test_a_checkpoint_of_a_job_that_goes_on_does_nothing(job: Job) -> None:
    job.checkpoint()

    assert not job.cancelled


def test_the_reporter_is_told_of_each_change() -> None:
    bell = Bell()
    job = Job("0199", 1, bell)

    job.step("Reading")
    job.progress(1)
    job.log("line")

    assert bell.rings == 3
