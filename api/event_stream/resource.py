"""The events of one job over HTTP: `/v1/jobs/{job_id}/events`."""

import falcon

from callboard.api.description import EVENT_STREAM, ResponseDescription, describe
from callboard.api.event_stream import sse
from callboard.api.event_stream.event_encoder import EventEncoder, EventRenderer
from callboard.api.event_stream.position import Position
from callboard.api.event_stream.stream import Follower, Pace, Stream
from callboard.api.event_stream.watch import Watches
from callboard.api.jobs.responder import JobReader, JobResponder
from callboard.api.problems import table
from callboard.api.problems.problem import Problem
from callboard.api.problems.table import JOB_GONE, NOT_ACCEPTABLE, STREAMS_FULL
from callboard.api.request import Request, holders_of
from callboard.api.services import Services
from callboard.api.waiting.peer import peer_of
from callboard.jobs.record import Record


class EventsResource:
    """The changes of one job, as server-sent events.

    Events are not stored: a client that reconnects gets the job's current state and the log lines
    that it has not seen.
    """

    def __init__(
        self, services: Services, reader: JobReader, answers: JobResponder, pace: Pace | None = None
    ) -> None:
        self._events = services.events
        self._reader = reader
        self._answers = answers
        self._pace = pace or Pace()
        self._watches = Watches(
            services.store, services.events, inline_bytes=services.settings.inline_result_bytes
        )

    @describe(
        id="streamEvents",
        tag="Jobs",
        summary="Follow a job",
        description="Streams the job's events as they happen; the last one is `done`.",
        parameters=("Last-Event-ID",),
        responses={
            200: ResponseDescription(
                description="Server-sent events.",
                schema="Event",
                media=(EVENT_STREAM,),
                headers=("X-Accel-Buffering",),
            ),
            204: ResponseDescription(description="The client has already received `done`."),
        },
        problems=(table.JOB_NOT_FOUND, table.JOB_GONE, table.NOT_ACCEPTABLE, table.STREAMS_FULL),
    )
    def on_get(self, req: Request, resp: falcon.Response, job_id: str) -> None:
        """Send events until the job is final; a client that has seen its end gets 204."""
        record = self._begin(req, resp, job_id)
        if record is None:
            return
        if req.method == "HEAD":
            resp.stream = ()  # or the framework would set a Content-Length of 0
            return
        holders = holders_of(req)
        if not self._events.streams.take(holders):
            raise Problem(STREAMS_FULL, "Poll the job's status instead, or try again later.")
        position = Position.parse(req.get_header("Last-Event-ID"))
        encoder = EventEncoder(position, self._renderer(req, record))
        # The server always closes the iterable, which then releases the place.
        follower = Follower(peer_of(req.env), req.context.admitted, holders)
        resp.stream = Stream(self._events, self._watches, record, encoder, follower, self._pace)

    on_head = on_get

    def _begin(self, req: Request, resp: falcon.Response, job_id: str) -> Record | None:
        if not req.client_accepts(sse.MEDIA_TYPE):
            raise Problem(NOT_ACCEPTABLE, f"This address offers only {sse.MEDIA_TYPE}.")
        record = self._reader.read(job_id, req.context.caller, inline_bytes=0)
        if record.final and Position.parse(req.get_header("Last-Event-ID")).knows(record):
            resp.status = 204
            return None
        resp.content_type = sse.MEDIA_TYPE
        # A buffering proxy would delay events.
        resp.set_header("X-Accel-Buffering", "no")
        return record

    def _renderer(self, req: Request, record: Record) -> EventRenderer:
        gone = Problem(JOB_GONE, f"Job {record.id} was removed in the meantime.")
        return EventRenderer(
            job=lambda record: self._answers.shown(req, record),
            gone=gone.body(req.context.urls, req.context.request_id),
        )
