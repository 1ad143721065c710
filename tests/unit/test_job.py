"""The handle of a running job: it never blocks, keeps what fits its bounds, and stops in time."""

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import msgpack
import numpy as np
import pytest

from callboard.jobs.errors import Cancelled, Interruption, TimedOut
from callboard.jobs.job import MAX_BUFFERED_LINES, MAX_LINE_LENGTH, Job
from callboard.jobs.progress import ProgressReport
from callboard.jobs.progress_units import MAX_UNITS


class Bell:
    """Counts its calls."""

    def __init__(self) -> None:
        self.rings = 0

    def changed(self) -> None:
        self.rings += 1


@pytest.fixture
def job() -> Job:
    return Job("0199", 2)


def test_a_job_knows_its_id_and_its_attempt(job: Job) -> None:
    assert (job.id, job.attempt) == ("0199", 2)


def test_without_changes_nothing_is_collected(job: Job) -> None:
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


def test_progress_of_any_numeric_type_can_be_encoded(job: Job) -> None:
    job.progress(np.float32(0.5), np.float32(2))

    report = job.collect()

    assert report is not None
    assert (report.percent, type(report.percent)) == (25.0, float)


@pytest.mark.parametrize(
    ("current", "total", "shown"),
    [
        (10**400, 10**401, (10.0, MAX_UNITS, MAX_UNITS)),
        (-(10**30), 10**19, (0.0, -MAX_UNITS, MAX_UNITS)),
        (float("nan"), float("inf"), (0.0, 0, MAX_UNITS)),
    ],
    ids=["huge", "negative", "no number"],
)
def test_no_progress_is_too_large_for_readers(
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


def test_a_long_line_is_truncated_and_a_flood_reports_how_much_was_dropped(job: Job) -> None:
    job.log("x" * (MAX_LINE_LENGTH + 1))
    for _ in range(MAX_BUFFERED_LINES + 4):
        job.log("more")

    report = job.collect()

    assert report is not None
    assert len(report.lines[0].split(" ", 1)[1]) == MAX_LINE_LENGTH
    assert len(report.lines) == MAX_BUFFERED_LINES + 1
    assert report.lines[-1].endswith(" (5 lines dropped)")


def test_tracking_counts_items_and_ends_at_a_hundred_percent(job: Job) -> None:
    seen = []
    for item in job.track(["a", "b"]):
        report = job.collect()
        seen.append((item, report and report.percent))

    last = job.collect()

    assert seen == [("a", 0.0), ("b", 50.0)]
    assert last == ProgressReport(percent=100.0, current=2, total=2)


def test_tracking_an_iterable_without_a_length_yields_its_items(job: Job) -> None:
    items = list(job.track(iter("abc")))

    assert items == ["a", "b", "c"]
    assert job.collect() is None


def test_a_stopped_job_stops_at_its_next_checkpoint_with_the_first_cause(job: Job) -> None:
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


def test_a_checkpoint_of_a_job_that_continues_does_nothing(job: Job) -> None:
    job.checkpoint()

    assert not job.cancelled


def test_the_reporter_gets_each_change() -> None:
    bell = Bell()
    job = Job("0199", 1, bell)

    job.step("Reading")
    job.progress(1)
    job.log("line")

    assert bell.rings == 3


class Odd:
    """A value that cannot be printed."""

    def __str__(self) -> str:
        raise SystemExit

    __float__ = __lt__ = __gt__ = __str__  # type: ignore[assignment]


ODD: list[Any] = [
    None, 3, b"bytes", Odd(), [Odd()], {"a": Odd()}, "a\udc80", "x" * 10_000_000, "a\nb",
    float("nan"), float("inf"), -float("inf"), 10**400, Decimal("NaN"), Decimal("sNaN"), 1 + 2j,
    np.array([1, 2]), np.float64("nan"), object, type,
]  # fmt: skip
"""Invalid arguments for every method of a job."""


@pytest.mark.parametrize("odd", ODD, ids=[str(number) for number in range(len(ODD))])
def test_no_report_fails_a_job(job: Job, odd: Any) -> None:
    job.log(odd)
    job.step(odd)
    job.stage(odd, odd)
    for current, total in ((odd, None), (odd, 10), (1, odd), (odd, odd)):
        job.progress(current, total)

    report = job.collect()

    assert report is not None
    msgpack.packb(dataclasses.asdict(report) | {"lines": list(report.lines)})
    assert report.percent is None or 0 <= report.percent <= 100
    assert all(len(line) < MAX_LINE_LENGTH + 20 for line in report.lines)
    assert len(report.step) <= MAX_LINE_LENGTH


def test_an_interruption_during_a_report_is_raised(job: Job) -> None:
    class Slow:
        def __str__(self) -> str:
            raise Interruption

    with pytest.raises(Interruption):
        job.log(Slow())  # type: ignore[arg-type]


def test_reports_after_the_end_and_from_other_threads_are_accepted(job: Job) -> None:
    with ThreadPoolExecutor(8) as pool:
        for number in range(100):
            pool.submit(job.log, f"line {number}")

    report = job.collect()

    assert report is not None
    assert len(report.lines) == 100


def percents(job: Job, *steps: Callable[[], object]) -> list[float | None]:
    seen = []
    for step in steps:
        step()
        report = job.collect()
        seen.append(report and report.percent)
    return seen


def test_stages_divide_the_percentage_by_their_weights(job: Job) -> None:
    seen = percents(
        job,
        lambda: job.stage("Load", 20),
        lambda: job.progress(50),
        lambda: job.progress(4, 4),
        lambda: job.stage("Work", 60),
        lambda: job.progress(1, 2),
        lambda: job.stage("Save"),
        lambda: job.progress(1, 2),
        lambda: list(job.track(range(3))),
    )

    assert seen == [0.0, 10.0, 20.0, 20.0, 50.0, 80.0, 90.0, 100.0]


@pytest.mark.parametrize("weight", [None, 10, 0, -5, 150, float("nan"), 33.3])
def test_stages_never_move_the_percentage_back(job: Job, weight: Any) -> None:
    moves: list[Callable[[], object]] = []
    for _ in range(5):
        moves.append(lambda: job.stage("next", weight))
        moves += [lambda done=done: job.progress(done, 3) for done in (0, 2, 1, 3, 0)]  # type: ignore[misc]

    seen = [percent for percent in percents(job, *moves) if percent is not None]

    assert seen == sorted(seen)
    assert seen[0] >= 0
    assert seen[-1] <= 100


def test_a_stage_is_shown_as_a_step(job: Job) -> None:
    job.stage("Load", 20)

    report = job.collect()

    assert report is not None
    assert report.step == "Load"
    assert report.lines[0].endswith("— Load")


def test_a_full_log_counts_dropped_lines_before_formatting_them() -> None:
    job = Job("id", 1)

    dropped_before = job.drop()
    for number in range(1000):
        job.log(str(number))
    dropped_after = [job.drop(), job.drop()]

    assert (dropped_before, dropped_after) == (False, [True, True])
    report = job.collect()
    assert report is not None
    assert report.lines[-1].endswith("(2 lines dropped)")
    assert not job.drop()
