"""Cancels a job in two steps, for people: request, then confirm."""

from typing import Annotated

import falcon
from pydantic import BaseModel, ConfigDict, Field

from callboard.api.answer_types import Timestamp, TypeAliasType, TypedDict
from callboard.api.bodies import parse_body
from callboard.api.description import BODY_PROBLEMS, BodyDescription, ResponseDescription, describe
from callboard.api.jobs.render import JobObject, job_reference
from callboard.api.jobs.responder import JobReader, JobResponder, check_job_id
from callboard.api.media import Media
from callboard.api.problems import table
from callboard.api.problems.problem import Problem
from callboard.api.problems.table import JOB_FINAL, JOB_NOT_FOUND
from callboard.api.request import Caller, Request
from callboard.api.times import timestamp
from callboard.jobs.cancel import ask_cancel, confirm_cancel
from callboard.jobs.errors import JobFinal, JobGone
from callboard.jobs.record import Record
from callboard.jobs.store import Store


class CancelRequest(BaseModel):
    """The body of `POST /v1/jobs/{id}/cancel`; no body means an empty object."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    confirm: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="The token from the first step. Omit it in the first step.",
    )


class ConfirmationObject(TypedDict):
    """What to send back in the second step of a cancel."""

    token: str
    expires_at: Timestamp


class CancelOfferObject(TypedDict):
    """A cancel to be confirmed; nothing has changed yet."""

    confirmation: ConfirmationObject
    job: JobObject


CancelOfferOrJob = TypeAliasType(
    "CancelOfferOrJob",
    Annotated[
        CancelOfferObject | JobObject,
        Field(
            description="A confirmation to send back after the first step, the job after "
            "the second."
        ),
    ],
)


class CancelResource:
    """Where one job is cancelled in two steps: `/v1/jobs/{job_id}/cancel`."""

    def __init__(
        self, store: Store, reader: JobReader, answers: JobResponder, media: Media
    ) -> None:
        self._store = store
        self._reader = reader
        self._answers = answers
        self._media = media

    @describe(
        id="cancelJob",
        tag="Jobs",
        summary="Cancel a job in two steps",
        description="Without a body, changes nothing and returns a confirmation token. With "
        "that token, cancels the job.",
        body=BodyDescription(schema="CancelRequest", required=False),
        responses={
            200: ResponseDescription(
                description="The job is cancelled.",
                schema=JobObject,
                headers=("Vary",),
                links=("look",),
            ),
            202: ResponseDescription(
                description="The cancel must be confirmed, or the job is being cancelled.",
                schema=CancelOfferOrJob,
                headers=("Vary",),
                optional_headers=("Retry-After",),
                links=("lookAtOffered", "confirmCancel"),
            ),
        },
        problems=(
            *BODY_PROBLEMS,
            table.INVALID_REQUEST,
            table.JOB_NOT_FOUND,
            table.JOB_FINAL,
            table.CONFIRMATION_STALE,
        ),
    )
    def on_post(self, req: Request, resp: falcon.Response, job_id: str) -> None:
        """Return a token without changing anything, or cancel with such a token.

        Repeating the token returns the job as it is by then.
        """
        asked = parse_body(CancelRequest, self._media.read_optional(req))
        try:
            if asked.confirm is None:
                self._ask(req, resp, job_id)
            else:
                self._confirm(req, resp, job_id, asked.confirm)
        except JobFinal as error:
            status = self._read(job_id, req.context.caller).status
            raise Problem(
                JOB_FINAL,
                f"Its status is {status}.",
                members={"job": job_reference(job_id, status, req.context.urls)},
            ) from error

    def _ask(self, req: Request, resp: falcon.Response, job_id: str) -> None:
        record = self._read(job_id, req.context.caller)
        confirmation = ask_cancel(self._store, record.id, caller=req.context.caller.identity)
        estimate = self._answers.estimate(record)
        shown: CancelOfferObject = {
            "confirmation": {
                "token": confirmation.token,
                "expires_at": timestamp(confirmation.expires_at),
            },
            "job": self._answers.shown(req, record, estimate=estimate),
        }
        resp.status = 202
        resp.set_headers(self._answers.waiting(record, estimate=estimate))
        self._media.write(req, resp, shown)

    def _confirm(self, req: Request, resp: falcon.Response, job_id: str, token: str) -> None:
        caller = req.context.caller
        check_job_id(job_id)
        tenant = caller.only_tenant
        confirm_cancel(self._store, job_id, token, caller=caller.identity, tenant=tenant)
        record = self._read(job_id, caller)
        self._answers.send(req, resp, record, status=200 if record.final else 202)

    def _read(self, job_id: str, caller: Caller) -> Record:
        try:
            return self._reader.read(job_id, caller)
        except JobGone as error:
            raise Problem(JOB_NOT_FOUND, str(error)) from error
