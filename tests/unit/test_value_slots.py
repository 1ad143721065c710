"""Jobs of an operation with `max_running_per` take a place of each named value."""

from datetime import UTC, datetime
from typing import Any

import pytest

from callboard import File, operation
from callboard.jobs.files.records import FileRecord
from callboard.jobs.operation import Operation
from callboard.jobs.registry import Registry
from callboard.jobs.submission import FIRST_FORMAT, FORMAT, Submission

pytestmark = pytest.mark.check

FILES = ("0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77", "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e78")


@operation(max_running_per={"tenant": 2, "corpus": 1}, slots={"gpu": 1})
def index(corpus: float, pages: int = 1) -> None:
    """Limit each tenant and each corpus."""


@operation(max_running_per={"page": 1})
def scan(page: File) -> None:
    """Limit each page."""


def submission(declared: Operation, params: dict[str, Any], **chosen: Any) -> Submission:
    return declared.submission("1", declared.validated(params), **chosen)


def scanned(file_id: str, sha256: str) -> str:
    """Return the slots of a job with a file of this content."""
    at = datetime(2030, 1, 1, tzinfo=UTC)
    record = FileRecord(
        id=file_id,
        tenant="default",
        kind="upload",
        name="a.txt",
        media_type="text/plain",
        size=3,
        sha256=sha256 * 32,
        created_at=at,
        expires_at=at,
        object="o",
        in_use=False,
    )
    return scan.submission("1", scan.validated({"page": file_id}), {file_id: record}).slots


def test_a_job_takes_places_of_its_tenant_its_value_and_its_resources() -> None:
    resource, tenant, corpus = submission(index, {"corpus": 1}, tenant="lab").slots.split(",")

    assert (resource, tenant) == ("resource:gpu=1", "per:index:tenant:lab=1")
    assert corpus.startswith("per:index:corpus:")
    assert corpus.endswith("=1")


def test_a_job_without_a_tenant_takes_a_place_of_the_default_one() -> None:
    assert "per:index:tenant:default=1" in submission(index, {"corpus": 1}).slots


def test_equal_values_share_a_slot_in_any_encoding() -> None:
    slots = submission(index, {"corpus": 1}).slots

    assert submission(index, {"corpus": 1.0, "pages": 7}).slots == slots
    assert submission(index, {"corpus": 2}).slots != slots


def test_files_with_equal_content_share_a_slot() -> None:
    one, other = FILES

    assert scanned(one, "ab") == scanned(other, "ab")
    assert scanned(one, "ab") != scanned(one, "cd")


def test_submissions_and_workers_write_the_limit_of_a_name_to_redis() -> None:
    limits = {"per:index:tenant": 2, "per:index:corpus": 1}

    assert submission(index, {"corpus": 1}).value_limits == limits
    assert Registry([index]).limits({"gpu": 1}).items() >= limits.items()


def test_workers_of_earlier_versions_leave_jobs_with_value_slots_to_newer_ones() -> None:
    @operation
    def plain() -> None: ...

    assert submission(index, {"corpus": 1}).format == FORMAT > FIRST_FORMAT
    assert submission(plain, {}).format == FIRST_FORMAT
