"""The log of one job over HTTP: `/v1/jobs/{job_id}/log`."""

from typing import Annotated, Final

import falcon
from pydantic import Field

from callboard.api.answer_types import Next, Positive, Timestamp, TypedDict, Whole
from callboard.api.description import ResponseDescription, describe
from callboard.api.jobs.responder import JobReader
from callboard.api.media import Media
from callboard.api.paging import next_page
from callboard.api.problems import table
from callboard.api.query import read_query
from callboard.api.request import Request
from callboard.api.times import timestamp
from callboard.jobs.log import LogLine, read_log
from callboard.jobs.store import Store

MAX_LINES: Final = 1000
USUAL_LINES: Final = 100
MAX_AFTER: Final = 10**15


class LogLineObject(TypedDict):
    """One line of a job's log."""

    number: Annotated[
        Positive, Field(description="The line's number, counted from the first line ever written.")
    ]
    time: Timestamp
    text: str


class LogPageObject(TypedDict):
    """Lines of a job's log, oldest first."""

    items: list[LogLineObject]
    next: Next
    dropped: Annotated[Whole, Field(description="Number of old lines that were dropped.")]


class LogResource:
    """What a running function wrote: `/v1/jobs/{job_id}/log`."""

    def __init__(self, store: Store, reader: JobReader, media: Media) -> None:
        self._store = store
        self._reader = reader
        self._media = media

    @describe(
        id="getLog",
        tag="Jobs",
        summary="Read a job's log",
        description="Returns the lines that the function wrote, in pages.",
        parameters=("after", "lines"),
        responses={
            200: ResponseDescription(
                description="Lines of the log.",
                schema=LogPageObject,
                headers=("Vary",),
                optional_headers=("Link",),
            )
        },
        problems=(table.INVALID_REQUEST, table.JOB_NOT_FOUND, table.JOB_GONE),
    )
    def on_get(self, req: Request, resp: falcon.Response, job_id: str) -> None:
        """Return lines of the log, oldest first.

        Numbers count all lines ever written, so dropped ones leave a gap.
        """
        with read_query(req) as query:
            after = query.whole("after", least=0, most=MAX_AFTER, default=0)
            limit = query.whole("limit", least=1, most=MAX_LINES, default=USUAL_LINES)
        record = self._reader.read(job_id, req.context.caller, inline_bytes=0)
        page = read_log(self._store, record.id, after=after, most=limit)
        last = page.lines[-1].number if page.lines else page.total
        following = next_page(
            req,
            resp,
            req.context.urls.log(record.id),
            after=str(last) if last < page.total else None,
        )
        items = [log_line(line) for line in page.lines]
        shown: LogPageObject = {"items": items, "next": following, "dropped": page.dropped}
        self._media.write(req, resp, shown)

    on_head = on_get


def log_line(line: LogLine) -> LogLineObject:
    """Render a line."""
    return {"number": line.number, "time": timestamp(line.at), "text": line.text}
