"""Submits a job for a request, waits as long as the client prefers, and responds."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import falcon

from callboard.api.callback_policy import CallbackPolicy
from callboard.api.idempotency import idempotency_fields
from callboard.api.jobs.estimates import Estimates, within_bounds
from callboard.api.jobs.render import job_reference
from callboard.api.jobs.responder import JobReader, JobResponder
from callboard.api.jobs.submission import SubmissionBody, chosen_fields
from callboard.api.prefer import Preference, parse_prefer
from callboard.api.problems.problem import Problem, dependency_missing, problem_of
from callboard.api.problems.table import DUPLICATE_JOB, FORBIDDEN
from callboard.api.rate_limit import charge_of, keep_quotas, payer_of
from callboard.api.request import Request, is_large
from callboard.api.services import Services
from callboard.api.tracing.middleware import traceparent_of, tracestate_of
from callboard.jobs.errors import (
    CapacityExceeded,
    DependencyMissing,
    DuplicateJob,
    InvalidParameters,
    JobGone,
    JobNotFound,
    Refused,
    StoreUnavailable,
)
from callboard.jobs.estimates import Estimate
from callboard.jobs.json_pointer import pointer_of
from callboard.jobs.offload import at_once
from callboard.jobs.operation import Operation
from callboard.jobs.record import Record
from callboard.jobs.statuses import FINAL
from callboard.jobs.submit import Accepted


class Acceptance:
    """Responds to every request that submits one job."""

    def __init__(
        self, services: Services, reader: JobReader, answers: JobResponder, estimates: Estimates
    ) -> None:
        self._services = services
        self._reader = reader
        self._answers = answers
        self._estimates = estimates
        self._policy = CallbackPolicy(services.settings)

    def answer(
        self,
        req: Request,
        resp: falcon.Response,
        asked: SubmissionBody,
        more: Mapping[str, Any],
        *,
        pointer: str,
        place: Callable[[tuple[int | str, ...]], str] = pointer_of,
    ) -> None:
        """Submit, wait, and respond with the job: 200 if it is final, else 202.

        Once the job is accepted, no failure turns the response into an error, unless it is gone.

        Args:
            req: the request.
            resp: its response.
            asked: the parsed submission.
            more: further fields of the submission: how a repeat is recognised, and what a
                retry takes from the earlier job.
            pointer: the JSON Pointer to the parameters in the body.
            place: returns where in the request another member was.

        Raises:
            Problem, CallboardError: the job was not accepted.
        """
        operation = self._services.registry.get(asked.operation)
        try:
            accepted = self.accept(req, asked, more, place=place)
        except InvalidParameters as error:
            wrong = [(pointer + where, detail) for where, detail in error.errors]
            raise InvalidParameters(wrong) from error
        except CapacityExceeded as error:
            raise self.full(operation.name, error) from error
        except DependencyMissing as error:
            raise dependency_missing(error, place(("after", error.index))) from error
        except DuplicateJob as error:
            self._answer_duplicate(req, resp, operation, error)
            return
        preference = parse_prefer(
            req.get_header("Prefer"), max_wait=self._services.settings.max_wait
        )
        if accepted.replayed:
            resp.set_header("Idempotency-Replayed", "true")
        record, estimate = self.wait(req, asked.operation, accepted, preference)
        applied = preference.applied(in_time=record.final)
        if applied:
            resp.set_header("Preference-Applied", applied)
        resp.location = req.context.urls.job(record.id)
        status = 200 if record.final else 202
        self._answers.send(req, resp, record, status=status, estimate=estimate)

    def repeat_fields(self, req: Request, body: Any) -> dict[str, str]:
        """Return the fields by which a repeat of a request is recognised; none without a key.

        A large body is digested without delaying other requests.

        Raises:
            Problem: 400, as `idempotency_fields`.
        """
        key = req.get_header("Idempotency-Key")
        if key is None:
            return {}
        offload = self._services.compute if is_large(req) else at_once
        return idempotency_fields(key, body, offload=offload)

    def accept(
        self,
        req: Request,
        asked: SubmissionBody,
        more: Mapping[str, Any],
        *,
        place: Callable[[tuple[int | str, ...]], str] = pointer_of,
    ) -> Accepted:
        """Submit a job for a request.

        Args:
            req: the request.
            asked: the parsed submission.
            more: as for `answer`.
            place: as for `answer`.

        Raises:
            Problem, CallboardError: the job was not accepted.
        """
        self.check_role(req, asked.operation)
        if asked.callback is not None:
            base = req.context.urls.base
            callback = self._policy.accept(asked.callback, base, place=place)
            more = {**more, "callback": callback}
        chosen = {**self.chosen(req, asked, self._services.store.now_ms), **more}
        charge = charge_of(req, self._services.settings.rate_limit)
        retries = "retry_of" in chosen
        # A retry's parameters are not in the request, and may be large as well.
        check = self._services.check if is_large(req) or retries else Operation.validated
        payer = payer_of(req, retries=retries)
        try:
            accepted = self._services.submissions.submit(
                asked.operation, asked.params, charge=charge, payer=payer, check=check, **chosen
            )
        except Refused as error:
            keep_quotas(req, error)
            raise
        keep_quotas(req, accepted)
        return accepted

    def check_role(self, req: Request, name: str) -> None:
        """Check that the caller may submit an operation, if it exists.

        Raises:
            Problem: 403, the operation needs a higher role than the caller has.
        """
        registry = self._services.registry
        needed = registry.get(name).rules.role if name in registry else "client"
        if not req.context.caller.may(needed):
            raise Problem(
                FORBIDDEN, f"To submit {name}, use a key with the role {needed!r} or a higher one."
            )

    def chosen(
        self, req: Request, asked: SubmissionBody, now_ms: Callable[[], int]
    ) -> dict[str, Any]:
        """Return the fields of a submission from the request, except its callback.

        Args:
            req: the request.
            asked: the parsed submission.
            now_ms: returns the time of Redis' clock; called only for a delay.
        """
        return {
            **chosen_fields(asked, now_ms),
            "tenant": req.context.caller.tenant,
            "request_id": req.context.request_id,
            "traceparent": traceparent_of(req),
            "tracestate": tracestate_of(req),
        }

    def wait(
        self, req: Request, operation: str, accepted: Accepted, preference: Preference
    ) -> tuple[Record, Estimate | None]:
        """Wait for an accepted job to end, as long as the client prefers.

        Returns:
            The job, and where it stands if that is known.

        Raises:
            JobGone: it went meanwhile.
        """
        req.context.release()  # or its body would hold memory for as long as it waits
        job_id = accepted.job_id
        usual = self._services.registry.get(operation).rules.wait
        patience = preference.patience(min(usual, self._services.settings.max_wait))
        record = None if accepted.replayed else accepted.record()
        if record is not None and patience <= 0:
            return record, self._estimates.of_new(accepted)
        try:
            record = self._services.events.wait(
                req,
                job_id,
                self._reader.read,
                until=FINAL.__contains__,
                timeout=patience,
                known=record,
            )
        except JobNotFound as error:
            raise JobGone(f"Job {job_id}, which this request created, is gone.") from error
        return record, None

    def _answer_duplicate(
        self, req: Request, resp: falcon.Response, operation: Operation, error: DuplicateJob
    ) -> None:
        """Refer to the job that is already active: 303 if the operation wants that, else 409."""
        urls = req.context.urls
        href = urls.job(error.job_id)
        if operation.rules.on_conflict == "return":
            resp.status = 303
            resp.location = href
            return
        headers = {"Retry-After": str(within_bounds(0)), **self._until_ended(req, error.job_id)}
        raise Problem(
            DUPLICATE_JOB,
            str(error),
            headers={"Location": href, **headers},
            members={"existing_job": job_reference(error.job_id, error.status, urls)},
        ) from error

    def _until_ended(self, req: Request, job_id: str) -> dict[str, str]:
        with suppress(JobNotFound, StoreUnavailable):
            return self._answers.waiting(self._reader.read(job_id, req.context.caller))
        return {}

    def full(self, operation: str, error: CapacityExceeded) -> Problem:
        """Return the problem that there is no capacity, and when there may be some."""
        problem = problem_of(error)
        operations = self._services.registry.sharing(error.group) or (operation,)
        seconds = self._estimates.until_room_s(error.scope, operations)
        headers = {} if seconds is None else {"Retry-After": str(seconds)}
        return Problem(problem.type, problem.detail, headers=headers)
