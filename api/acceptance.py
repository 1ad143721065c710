"""Submit a job for a request, wait for it as long as the client likes, and answer."""

import math
from datetime import timedelta
from typing import Any, Final

import falcon

from api.answers import JobAnswers, JobReader
from api.prefer import Preference, parse_prefer
from api.problems import TABLE, Problem, problem_of
from api.render import accepted_record, job_reference
from api.request import Request
from api.retry_after import Durations, within_bounds
from api.services import Services
from api.submissions import Submission
from api.tracing import traceparent_of
from jobs.errors import (
    CapacityExceeded,
    DuplicateJob,
    InvalidParameters,
    JobGone,
    JobNotFound,
)
from jobs.operation import Operation
from jobs.record import FINAL, Record
from jobs.submit import Accepted

_MS: Final = timedelta(milliseconds=1)


class Acceptance:
    """The answer to every request that submits one job."""

    def __init__(
        self, services: Services, reader: JobReader, answers: JobAnswers, durations: Durations
    ) -> None:
        self._services = services
        self._reader = reader
        self._answers = answers
        self._durations = durations

    def answer(
        self,
        req: Request,
        resp: falcon.Response,
        asked: Submission,
        repeat: dict[str, str],
        *,
        pointer: str,
    ) -> None:
        """Submit, wait, and answer with the job: 200 when it is final, else 202.

        Once it was accepted no failure turns the answer into an error, unless the job is gone.

        Args:
            req: the request.
            resp: its answer.
            asked: what the client wants.
            repeat: by what a repeat is recognised.
            pointer: where in the body the parameters are.

        Raises:
            Problem, CallboardError: it was not accepted.
        """
        operation = self._services.registry.get(asked.operation)
        chosen = self._chosen(req, asked) | repeat
        try:
            accepted = self._services.intake.submit(operation.name, asked.params, **chosen)
        except InvalidParameters as error:
            wrong = [(pointer + where, detail) for where, detail in error.errors]
            raise InvalidParameters(wrong) from error
        except CapacityExceeded as error:
            raise self._full(operation, error) from error
        except DuplicateJob as error:
            self._answer_duplicate(req, resp, operation, error)
            return
        preference = parse_prefer(
            req.get_header("Prefer"), max_wait=self._services.settings.max_wait
        )
        record = self._wait(req, operation, accepted, preference)
        if accepted.replayed:
            resp.set_header("Idempotency-Replayed", "true")
        applied = preference.applied(in_time=record.final)
        if applied:
            resp.set_header("Preference-Applied", applied)
        resp.location = req.context.urls.job(record.id)
        self._answers.send(req, resp, record, status=200 if record.final else 202)

    def _chosen(self, req: Request, asked: Submission) -> dict[str, Any]:
        chosen: dict[str, Any] = {
            "tenant": req.context.caller.tenant,
            "priority": asked.priority,
            "labels": asked.labels,
            "request_id": req.context.request_id,
            "traceparent": traceparent_of(req),
        }
        if asked.result_ttl_seconds is not None:
            chosen["result_ttl"] = timedelta(seconds=asked.result_ttl_seconds)
        if asked.run_at is not None:
            chosen["scheduled_ms"] = math.ceil(asked.run_at.timestamp() * 1000)
        elif asked.delay_seconds:
            now_ms = self._services.store.now_ms()
            chosen["scheduled_ms"] = now_ms + timedelta(seconds=asked.delay_seconds) // _MS
        return chosen

    def _wait(
        self, req: Request, operation: Operation, accepted: Accepted, preference: Preference
    ) -> Record:
        caller, job_id = req.context.caller, accepted.job_id
        settings = self._services.settings
        patience = preference.patience(min(operation.rules.wait, settings.max_wait))
        record = None if accepted.replayed else accepted_record(accepted)
        if record is not None and patience <= 0:
            return record
        try:
            return self._services.events.wait(
                job_id,
                lambda: self._reader.read(job_id, caller),
                until=FINAL.__contains__,
                timeout=patience,
                known=record,
            )
        except JobNotFound as error:
            raise JobGone(f"Job {job_id}, which this request made, is gone.") from error

    def _answer_duplicate(
        self, req: Request, resp: falcon.Response, operation: Operation, error: DuplicateJob
    ) -> None:
        """Point to the job that is active already: 303 if the operation says so, else 409."""
        urls = req.context.urls
        href = urls.job(error.job_id)
        if operation.rules.on_conflict == "return":
            resp.status = 303
            resp.location = href
            return
        wait = self._estimate(operation)
        raise Problem(
            TABLE[DuplicateJob],
            str(error),
            headers={"Location": href, "Retry-After": str(wait or within_bounds(0))},
            members={"existing_job": job_reference(error.job_id, error.status, urls)},
        ) from error

    def _full(self, operation: Operation, error: CapacityExceeded) -> Problem:
        problem = problem_of(error)
        wait = self._estimate(operation) if error.scope == "operation" else None
        headers = {} if wait is None else {"Retry-After": str(wait)}
        return Problem(problem.kind, problem.detail, headers=headers)

    def _estimate(self, operation: Operation) -> int | None:
        mean_ms = self._durations.mean_ms(operation.name)
        return None if mean_ms is None else within_bounds(mean_ms / 1000)
