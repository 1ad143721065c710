"""Lists of jobs over HTTP: filters, order and pages."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import falcon

from callboard.api.answer_types import Next, TypedDict
from callboard.api.jobs.render import JobObject
from callboard.api.jobs.responder import JobResponder
from callboard.api.media import Media
from callboard.api.paging import next_page, read_cursor, write_cursor
from callboard.api.problems.problem import Problem
from callboard.api.problems.table import FORBIDDEN
from callboard.api.query import Query, read_query
from callboard.api.request import Caller, Request
from callboard.jobs.ids import is_job_id
from callboard.jobs.listing import Wanted, list_jobs, list_tenants
from callboard.jobs.operation_rules import NAME
from callboard.jobs.statuses import STATUSES, Status
from callboard.jobs.store import Store

MAX_JOBS: Final = 100
USUAL_JOBS: Final = 50
EVERY_TENANT: Final = "*"
_TENANT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


class JobPageObject(TypedDict):
    """Jobs, newest first, without results: `result` is null, see `links.result`."""

    items: list[JobObject]
    next: Next


class JobPages:
    """Responds with pages of jobs, without their results."""

    def __init__(self, store: Store, answers: JobResponder, media: Media) -> None:
        self._store = store
        self._answers = answers
        self._media = media

    def send(self, req: Request, resp: falcon.Response) -> None:
        """Send the page that a request asks for.

        Raises:
            Problem: 422, a parameter is not valid; 403, only operators may see other tenants.
            StoreUnavailable: Redis does not answer.
        """
        with read_query(req) as query:
            wanted = read_wanted(query)
            limit = query.whole("limit", least=1, most=MAX_JOBS, default=USUAL_JOBS)
            behind = query.parsed("cursor", read_cursor)
            tenant = query.parsed("tenant", _read_tenant)
        page = list_jobs(
            self._store,
            wanted,
            tenants=self._tenants(req.context.caller, tenant),
            most=limit,
            behind=behind,
        )
        items = [self._answers.shown(req, record) for record in page.records]
        cursor = None if page.next is None else write_cursor(page.next)
        following = next_page(req, resp, req.context.urls.jobs(), cursor=cursor)
        shown: JobPageObject = {"items": items, "next": following}
        self._media.write(req, resp, shown)

    def _tenants(self, caller: Caller, asked: str | None) -> Sequence[str]:
        if asked is None:
            return [caller.tenant]
        if not caller.may("operator"):
            raise Problem(FORBIDDEN, "Only operators may list the jobs of other tenants.")
        return list_tenants(self._store) if asked == EVERY_TENANT else [asked]


def read_wanted(query: Query) -> Wanted:
    """Parse the filters of a request."""
    after, before = query.time("created_after"), query.time("created_before")
    chosen: dict[str, Any] = {}
    if after is not None:
        chosen["after_ms"] = (after - _EPOCH) // _MS
    if before is not None:
        chosen["before_ms"] = -((_EPOCH - before) // _MS)
    return Wanted(
        status=cast("Status | None", query.word("status", STATUSES)),
        operation=query.parsed("operation", _read_operation),
        batch_id=query.parsed("batch", _read_batch),
        labels=query.labels(),
        **chosen,
    )


def _read_operation(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError("must be the name of an operation")
    return text


def _read_batch(text: str) -> str:
    if not is_job_id(text):
        raise ValueError("must be the id of a batch")
    return text


def _read_tenant(text: str) -> str:
    if text != EVERY_TENANT and not _TENANT.fullmatch(text):
        raise ValueError(f"must be the name of a tenant, or {EVERY_TENANT} for all")
    return text
