"""Jobs over HTTP: submit, read, cancel and remove."""

from contextlib import suppress
from typing import Final

import falcon

from callboard.api.conditional import entity_tag, is_known, known_statuses
from callboard.api.description import BodyDescription, ResponseDescription, describe
from callboard.api.jobs.acceptance import Acceptance
from callboard.api.jobs.listing import JobPageObject, JobPages
from callboard.api.jobs.render import JobObject
from callboard.api.jobs.responder import JobReader, JobResponder, check_job_id
from callboard.api.jobs.submission import parse_submission
from callboard.api.jobs.submission_description import (
    SUBMISSION_HEADERS,
    SUBMISSION_PROBLEMS,
    SUBMISSION_RESPONSES,
)
from callboard.api.media import Media
from callboard.api.prefer import Preference, parse_prefer
from callboard.api.problems import table
from callboard.api.problems.problem import Problem
from callboard.api.problems.table import JOB_NOT_FOUND
from callboard.api.query import read_query
from callboard.api.request import Caller, Request
from callboard.api.services import Services
from callboard.jobs.cancel import cancel
from callboard.jobs.errors import JobGone, JobNotFound
from callboard.jobs.purge import purge
from callboard.jobs.record import Record

_NO_WAIT: Final = Preference()


class JobsResource:
    """All jobs: `/v1/jobs`."""

    def __init__(self, media: Media, acceptance: Acceptance, pages: JobPages) -> None:
        self._media = media
        self._acceptance = acceptance
        self._pages = pages

    @describe(
        id="listJobs",
        tag="Jobs",
        summary="List jobs",
        description="Lists the caller's jobs, newest first.",
        parameters=(
            "status",
            "operation",
            "labels",
            "created_after",
            "created_before",
            "batch",
            "tenant",
            "limit",
            "cursor",
        ),
        responses={
            200: ResponseDescription(
                description="A page of jobs.",
                schema=JobPageObject,
                headers=("Vary",),
                optional_headers=("Link",),
                links=("lookAtFirst", "resultOfFirst"),
            )
        },
        problems=(table.INVALID_REQUEST,),
    )
    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List jobs, newest first."""
        self._pages.send(req, resp)

    on_head = on_get

    @describe(
        id="submitJob",
        tag="Jobs",
        summary="Submit a job",
        description="Accepts a job and responds at once, or waits for it to end for as long "
        "as `Prefer: wait` allows.",
        parameters=SUBMISSION_HEADERS,
        body=BodyDescription(schema="Submission"),
        callbacks=("jobEvent",),
        responses=SUBMISSION_RESPONSES,
        problems=(*SUBMISSION_PROBLEMS, table.UNKNOWN_OPERATION, table.DUPLICATE_JOB),
    )
    def on_post(self, req: Request, resp: falcon.Response) -> None:
        """Submit a job."""
        body = self._media.read(req)
        asked = parse_submission(body)
        repeat = self._acceptance.repeat_fields(req, body)
        self._acceptance.answer(req, resp, asked, repeat, pointer="/params")


class JobResource:
    """One job: `/v1/jobs/{job_id}`."""

    def __init__(self, services: Services, reader: JobReader, answers: JobResponder) -> None:
        self._store = services.store
        self._events = services.events
        self._max_wait = services.settings.max_wait
        self._reader = reader
        self._answers = answers

    @describe(
        id="getJob",
        tag="Jobs",
        summary="Get a job",
        description="Returns a job, at once or, with `Prefer: wait`, as soon as its status "
        "changes.",
        parameters=("Prefer", "If-None-Match"),
        responses={
            200: ResponseDescription(
                description="The job's current state.",
                schema=JobObject,
                headers=("ETag", "Vary"),
                optional_headers=("Retry-After", "Preference-Applied"),
                links=("result", "events", "log", "cancel", "delete", "retry", "callbacks"),
            ),
            304: ResponseDescription(
                description="The job has not changed.",
                headers=("ETag", "Vary"),
                optional_headers=("Retry-After", "Preference-Applied"),
            ),
        },
        problems=(table.JOB_NOT_FOUND, table.JOB_GONE),
    )
    def on_get(self, req: Request, resp: falcon.Response, job_id: str) -> None:
        """Return a job, at once or as soon as its status changes.

        A client that sends the entity tag of another status does not wait: the change that
        it would wait for has happened.
        """
        caller = req.context.caller
        record = self._reader.read(job_id, caller)
        asked = req.get_header("Prefer")
        preference = parse_prefer(asked, max_wait=self._max_wait) if asked else _NO_WAIT
        if_none_match = req.get_header("If-None-Match")
        seen = known_statuses(if_none_match)
        outdated = bool(seen) and record.status not in seen
        if preference.wait_s and not record.final and not outdated:
            record = self._change(req, record, preference.wait_s)
        applied = preference.applied(in_time=True)
        if applied:
            resp.set_header("Preference-Applied", applied)
        estimate = self._answers.estimate(record)
        tag = entity_tag(record, estimate.position)
        resp.set_header("ETag", tag)
        if is_known(tag, if_none_match):
            resp.status = 304
            resp.set_header("Vary", "Accept")  # as 200 has it (RFC 9110, section 15.4.5)
            resp.set_headers(self._answers.waiting(record, estimate=estimate))
        else:
            self._answers.send(req, resp, record, estimate=estimate)

    on_head = on_get

    @describe(
        id="deleteJob",
        tag="Jobs",
        summary="Cancel or remove a job",
        description="Cancels an active job in one step. A final job stays unchanged; "
        "`purge=true` removes it. Safe to repeat: only `force=true` forces "
        "anything.",
        parameters=("purge", "force"),
        responses={
            200: ResponseDescription(
                description="The job is final.",
                schema=JobObject,
                headers=("Vary",),
                links=("look", "retry"),
            ),
            202: ResponseDescription(
                description="The job is being cancelled.",
                schema=JobObject,
                headers=("Retry-After", "Vary"),
                links=("look",),
            ),
            204: ResponseDescription(description="The job is removed."),
        },
        problems=(table.INVALID_REQUEST, table.JOB_NOT_FOUND, table.JOB_ACTIVE),
    )
    def on_delete(self, req: Request, resp: falcon.Response, job_id: str) -> None:
        """Cancel an active job, leave a final one as it is, or remove it with `?purge=true`.

        A repeat has the same result, since proxies and clients repeat a DELETE by themselves.
        Only `?force=true` gives a function in a child process no time to stop.
        """
        with read_query(req) as query:
            force = query.flag("force")
            to_purge = query.flag("purge")
        caller = req.context.caller
        if to_purge:
            self._purge(job_id, caller)
            resp.status = 204
            return
        try:
            check_job_id(job_id)
            cancel(self._store, job_id, tenant=caller.only_tenant, force=force)
            record = self._reader.read(job_id, caller)
        except JobGone as error:
            raise Problem(JOB_NOT_FOUND, str(error)) from error
        self._answers.send(req, resp, record, status=200 if record.final else 202)

    def _change(self, req: Request, record: Record, wait_s: int) -> Record:
        return self._events.wait(
            req,
            record.id,
            self._reader.read,
            until=lambda status: status != record.status,
            timeout=wait_s,
            known=record,
        )

    def _purge(self, job_id: str, caller: Caller) -> None:
        try:
            self._reader.read(job_id, caller, inline_bytes=0)
        except JobGone:
            return
        with suppress(JobNotFound):  # another request was faster
            purge(self._store, job_id)
