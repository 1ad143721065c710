"""Jobs as clients see them, and their Retry-After."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callboard.api.conditional import entity_tag, is_known, known_statuses
from callboard.api.jobs.estimates import retry_after_s
from callboard.api.jobs.render import eta_seconds, job_error, job_object
from callboard.api.times import timestamp
from callboard.api.urls import Urls
from callboard.jobs.estimates import Duration, Estimate
from callboard.jobs.record import Progress, Record

pytestmark = pytest.mark.check

URLS = Urls("http://example.org")
NOW = datetime(2026, 11, 22, 10, 1, tzinfo=UTC)
RECORD = Record(
    id="0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77",
    operation="clustering",
    tenant="default",
    queue="default",
    status="running",
    version=4,
    priority=5,
    attempt=1,
    failures=0,
    crashes=0,
    max_attempts=3,
    created_at=NOW - timedelta(seconds=61),
    scheduled_for=None,
    started_at=NOW - timedelta(seconds=60),
    finished_at=None,
    expires_at=None,
    progress=Progress(percent=75.0, step="Reading", current=3, total=4),
    blocked_on=None,
    labels={"project": "atlas"},
    error=None,
    result=None,
    result_bytes=None,
    batch_id=None,
    retry_of=None,
    request_id="r-1",
    worker="w-1",
)
QUEUED = replace(
    RECORD,
    status="queued",
    started_at=None,
    attempt=0,
    progress=Progress(percent=None, step=None, current=None, total=None),
)


def _with(record: Record, **changes: Any) -> Record:
    return replace(record, **changes)


def test_a_running_job_shows_every_member_of_the_contract() -> None:
    shown = job_object(RECORD, URLS, now=NOW)

    assert shown == {
        "id": RECORD.id,
        "operation": "clustering",
        "status": "running",
        "created_at": "2026-11-22T09:59:59.000Z",
        "scheduled_for": None,
        "started_at": "2026-11-22T10:00:00.000Z",
        "finished_at": None,
        "expires_at": None,
        "attempt": 1,
        "max_attempts": 3,
        "priority": 5,
        "progress": {
            "percent": 75.0,
            "step": "Reading",
            "current": 3,
            "total": 4,
            "eta_seconds": 20,
        },
        "queue": None,
        "result": None,
        "error": None,
        "labels": {"project": "atlas"},
        "batch_id": None,
        "retry_of": None,
        "after": [],
        "after_policy": "succeeded",
        "request_id": "r-1",
        "links": {
            "self": f"http://example.org/v1/jobs/{RECORD.id}",
            "result": f"http://example.org/v1/jobs/{RECORD.id}/result",
            "events": f"http://example.org/v1/jobs/{RECORD.id}/events",
            "log": f"http://example.org/v1/jobs/{RECORD.id}/log",
            "cancel": f"http://example.org/v1/jobs/{RECORD.id}/cancel",
            "retry": f"http://example.org/v1/jobs/{RECORD.id}/retry",
            "callbacks": f"http://example.org/v1/jobs/{RECORD.id}/callbacks",
        },
    }


def test_a_queued_job_shows_what_it_is_blocked_on() -> None:
    shown = job_object(_with(QUEUED, blocked_on="operation:clustering"), URLS, now=NOW)

    assert shown["queue"] == {
        "position": None,
        "blocked_on": "operation:clustering",
        "paused": None,
        "estimated_start_seconds": None,
        "waiting_for": [],
    }


def test_a_queued_job_shows_its_position_and_its_estimate_in_whole_seconds() -> None:
    shown = job_object(QUEUED, URLS, now=NOW, estimate=Estimate(3, 7.2), paused=False)

    assert shown["queue"] == {
        "position": 3,
        "blocked_on": None,
        "paused": False,
        "estimated_start_seconds": 8,
        "waiting_for": [],
    }


def test_times_have_milliseconds_and_end_with_z() -> None:
    assert timestamp(datetime(2026, 1, 2, 3, 4, 5, 6789, tzinfo=UTC)) == "2026-01-02T03:04:05.006Z"


def test_nothing_is_estimated_without_progress_or_before_the_start() -> None:
    unknown = Progress(percent=None, step=None, current=None, total=None)

    assert eta_seconds(_with(RECORD, progress=unknown), NOW) is None
    assert eta_seconds(QUEUED, NOW) is None
    assert eta_seconds(_with(RECORD, status="succeeded"), NOW) is None


def test_only_operators_see_tracebacks() -> None:
    error = {"type": "timeout", "detail": "Too slow.", "retryable": True, "traceback": "File …"}
    failed = _with(RECORD, status="failed", error=error)

    assert job_error(failed, URLS) == {
        "type": "http://example.org/problems/timeout",
        "title": "The operation exceeded its time limit.",
        "detail": "Too slow.",
        "attempt": 1,
        "retryable": True,
    }
    assert (job_error(failed, URLS, for_operator=True) or {})["traceback"] == "File …"


def test_a_replaced_job_names_its_successor() -> None:
    cancelled = _with(RECORD, status="cancelled", error={"type": "superseded", "by": "other"})

    assert (job_error(cancelled, URLS) or {})["detail"] == "Job other took its place."


@pytest.mark.parametrize(
    ("changes", "mean_ms", "seconds"),
    [
        ({}, None, 20),  # from its own progress
        ({"progress": QUEUED.progress}, 65_000, 5),  # the rest of the mean
        ({"progress": QUEUED.progress}, 10_000, 12),  # overdue: a fifth of its age
        ({"status": "cancelling"}, 65_000, 1),
        ({"status": "scheduled", "scheduled_for": NOW + timedelta(seconds=7.2)}, None, 8),
        ({"status": "scheduled", "scheduled_for": NOW + timedelta(hours=1)}, None, 30),
    ],
)
def test_retry_after_follows_the_estimate(
    changes: dict[str, Any], mean_ms: int | None, seconds: int
) -> None:
    known = None if mean_ms is None else Duration(mean_ms, 0)

    assert retry_after_s(_with(RECORD, **changes), known, NOW) == seconds


def test_the_retry_after_of_a_new_job_is_the_mean_or_immediate() -> None:
    new = _with(QUEUED, created_at=NOW)

    assert retry_after_s(new, None, NOW) == 1
    assert retry_after_s(new, Duration(4200, 0), NOW) == 5
    assert retry_after_s(new, Duration(10**9, 0), NOW) == 30


def test_the_retry_after_of_a_queued_job_includes_start_and_run() -> None:
    old = _with(QUEUED, created_at=NOW - timedelta(hours=1))

    assert retry_after_s(old, Duration(4200, 0), NOW, start_s=3.5) == 8
    assert retry_after_s(old, Duration(4200, 0), NOW) == 30


def test_with_varying_run_times_retry_after_starts_short_and_grows() -> None:
    varied, unknown = Duration(100_000, 98_000), QUEUED.progress
    asked = []
    for age_s in (0, 1, 3, 60, 600):
        started = NOW - timedelta(seconds=age_s)
        running = _with(RECORD, progress=unknown, started_at=started)
        asked.append(retry_after_s(running, varied, NOW))

    assert asked == [2, 1, 1, 12, 30]


def test_the_etag_changes_with_version_attempt_and_status() -> None:
    tags = {
        entity_tag(RECORD),
        entity_tag(_with(RECORD, version=5)),
        entity_tag(_with(RECORD, attempt=2)),
        entity_tag(QUEUED),
        entity_tag(QUEUED, 2),
    }

    assert len(tags) == 5


def test_etags_are_compared_weakly() -> None:
    tag = entity_tag(RECORD)

    assert tag == 'W/"4.1.running"'
    assert is_known(tag, '"x", W/"4.1.running"')
    assert is_known(tag, '"4.1.running"')
    assert is_known(tag, "*")
    assert not is_known(tag, 'W/"5.1.running"')
    assert not is_known(tag, None)


def test_the_status_that_a_client_has_seen_is_read_from_its_etags() -> None:
    assert known_statuses('W/"4.1.running", W/"3.0.queued"') == {"running", "queued"}
    assert known_statuses('W/"3.0.queued.12"') == {"queued"}
    assert known_statuses('"something-else"') == frozenset()
    assert known_statuses(None) == frozenset()
