"""Retries a final job: a new job from the stored request."""

from collections.abc import Mapping
from typing import Final

import falcon

from callboard.api.bodies import Nothing, parse_body
from callboard.api.description import BodyDescription, describe
from callboard.api.idempotency import idempotency_fields
from callboard.api.jobs.acceptance import Acceptance
from callboard.api.jobs.render import job_reference
from callboard.api.jobs.responder import JobReader, JobResponder
from callboard.api.jobs.submission import SubmissionBody
from callboard.api.jobs.submission_description import (
    SUBMISSION_HEADERS,
    SUBMISSION_PROBLEMS,
    SUBMISSION_RESPONSES,
)
from callboard.api.media import Media
from callboard.api.problems import table
from callboard.api.problems.problem import Problem
from callboard.api.problems.table import JOB_ACTIVE, JOB_NOT_FOUND
from callboard.api.request import Request
from callboard.jobs.errors import JobGone
from callboard.jobs.read import read_replay, read_submission
from callboard.jobs.store import Store
from callboard.jobs.submission import Submission

_PARAMS: Final = "/params"


class RetryResource:
    """Where a job is retried by hand: `/v1/jobs/{job_id}/retry`."""

    def __init__(
        self,
        store: Store,
        reader: JobReader,
        answers: JobResponder,
        media: Media,
        acceptance: Acceptance,
    ) -> None:
        self._store = store
        self._reader = reader
        self._answers = answers
        self._media = media
        self._acceptance = acceptance

    @describe(
        id="retryJob",
        tag="Jobs",
        summary="Run a job again",
        description="Submits the request of a final job again, as a new job.",
        parameters=SUBMISSION_HEADERS,
        body=BodyDescription(schema="RetryRequest", required=False),
        responses=SUBMISSION_RESPONSES,
        problems=(
            *SUBMISSION_PROBLEMS,
            table.JOB_NOT_FOUND,
            table.JOB_ACTIVE,
            table.UNKNOWN_OPERATION,
            table.DUPLICATE_JOB,
            table.NEWER_FORMAT,
        ),
    )
    def on_post(self, req: Request, resp: falcon.Response, job_id: str) -> None:
        """Submit the request of a final job again, and respond as to any submission.

        The new job belongs to the tenant of the old one. Parameters that the operation's schema no
        longer accepts are refused with pointers into the stored request.
        """
        parse_body(Nothing, self._media.read_optional(req))
        idempotency_key, caller = req.get_header("Idempotency-Key"), req.context.caller
        try:
            old = self._stored(req, job_id)
        except JobGone as error:
            repeat = idempotency_fields(idempotency_key, {"retry_of": job_id})
            if not self._replayed(req, resp, repeat):
                raise Problem(JOB_NOT_FOUND, str(error)) from error
            return
        stranger = "" if old.tenant == caller.tenant else caller.tenant
        repeat = idempotency_fields(idempotency_key, {"retry_of": job_id}, by=stranger)
        asked = SubmissionBody.model_construct(
            operation=old.operation,
            params=dict(old.params),
            priority=old.priority,
            labels=dict(old.labels),
            callback=None,
        )
        kept = {
            "tenant": old.tenant,
            "retry_of": job_id,
            "result_ttl": old.result_ttl,
            "callback": old.callback,
        }
        self._acceptance.answer(req, resp, asked, {**repeat, **kept}, pointer=_PARAMS)

    def _replayed(self, req: Request, resp: falcon.Response, repeat: Mapping[str, str]) -> bool:
        """Respond to a repeat with its job, although the retried job is gone."""
        caller = req.context.caller
        made = read_replay(self._store, caller.tenant, **repeat) if repeat else None
        if made is None:
            return False
        record = self._reader.read(made, caller)
        resp.set_header("Idempotency-Replayed", "true")
        resp.location = req.context.urls.job(made)
        self._answers.send(req, resp, record, status=200 if record.final else 202)
        return True

    def _stored(self, req: Request, job_id: str) -> Submission:
        record = self._reader.read(job_id, req.context.caller, inline_bytes=0)
        if not record.final:
            raise Problem(
                JOB_ACTIVE,
                f"The job is {record.status}.",
                headers=self._answers.waiting(record),
                members={"job": job_reference(job_id, record.status, req.context.urls)},
            )
        found = read_submission(self._store, job_id)
        if found is None:
            raise JobGone(f"Job {job_id} is gone.")
        return found[0]
