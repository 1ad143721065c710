"""What routes of an installation's own modules can do with jobs, always as their caller."""
# long: one class, with a method for each verb

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from callboard.api.files.form_jobs import FormReader
from callboard.api.files.form_rules import FormRules
from callboard.api.files.result_files import with_addresses
from callboard.api.files.uploads import CheckContent, FileRefused
from callboard.api.idempotency import idempotency_fields
from callboard.api.jobs.acceptance import Acceptance
from callboard.api.jobs.estimates import Estimates
from callboard.api.jobs.responder import JobReader, check_job_id
from callboard.api.jobs.submission import parse_submission
from callboard.api.media import Media
from callboard.api.prefer import Preference
from callboard.api.request import Request, is_large
from callboard.api.services import Services
from callboard.jobs.cancel import Confirmation, ask_cancel, cancel, confirm_cancel
from callboard.jobs.errors import JobNotFound
from callboard.jobs.listing import Wanted, count_jobs, list_jobs
from callboard.jobs.offload import at_once
from callboard.jobs.record import Record
from callboard.jobs.results import read_result
from callboard.jobs.statuses import FINAL, Status

MAX_COUNTED: Final = 10_000
"""The limit of `count` for each status, and of the offset of `find`."""


@dataclass(frozen=True)
class Form:
    """A multipart form that was read.

    Attributes:
        params: parameters of the operation; files are stored and given by their ids.
        others: the fields that are not parameters, as text.
        refused: files that were left out of the form, each with its `name` and a `detail`.
    """

    params: Mapping[str, Any]
    others: Mapping[str, str]
    refused: tuple[FileRefused, ...] = ()


@dataclass(frozen=True)
class JobEstimate:
    """When a job may start and how long it may run; unknown values are None.

    Attributes:
        position: its position among the queued jobs that wait for the same slot or thread, from 1.
        start_s: seconds until it may start.
        duration_s: the average duration of its operation's runs, in seconds.
    """

    position: int | None
    start_s: float | None
    duration_s: float | None


class Jobs:
    """Submits, reads, waits for, lists and cancels jobs for the caller of a request.

    Callers reach only jobs of their own tenant. Operators can also read and cancel a job of another
    tenant by its id. An exception that a route does not catch is answered as a problem.
    """

    def __init__(
        self,
        services: Services,
        *,
        reader: JobReader,
        acceptance: Acceptance,
        estimates: Estimates,
        media: Media,
        forms: FormReader,
    ) -> None:
        self._services = services
        self._reader = reader
        self._acceptance = acceptance
        self._estimates = estimates
        self._media = media
        self._forms = forms
        self._max_wait_s = services.settings.max_wait.total_seconds()

    def body(self, req: Request) -> Any:
        """Read the body, JSON or msgpack, within the server's limits.

        Raises:
            Problem: 400, 413 or 415; the body cannot be read.
        """
        return self._media.read(req)

    @contextmanager
    def form(
        self,
        req: Request,
        operation: str,
        *,
        others: Collection[str] = (),
        lenient: bool = False,
        collect_refused: bool = False,
        check: CheckContent | None = None,
    ) -> Iterator[Form]:
        """Read a multipart form whose fields are the parameters of an operation.

        Files are stored as they arrive, and their content is checked against the operation's
        `File` types. At the end of the block, files that no job uses are removed: submit the job
        inside it.

        Args:
            req: the request.
            operation: the operation's name.
            others: names of further fields, which are not parameters.
            lenient: ignore all other fields.
            collect_refused: leave out files that are empty or whose type or content is not
                accepted, and list them in `refused`.
            check: looks at the content of each file, in a thread of its own; raises `ValueError`
                with a sentence if the file is not accepted.

        Raises:
            FileRefused: one of the files is empty, or its type or content is not accepted.
            Problem: the form is refused.
            UnknownOperation: this server has no such operation.
        """
        found = self._services.registry.get(operation)
        rules = FormRules(others, lenient, collect_refused, check)
        form = self._forms.read(req, found, rules)
        try:
            yield Form(form.params, form.others, form.refused)
        finally:
            form.reception.drop()

    def submit(
        self,
        req: Request,
        operation: str,
        params: Mapping[str, Any],
        *,
        wait_seconds: float | None = 0,
        key: str | None = None,
        **options: Any,
    ) -> Record:
        """Submit a job.

        Args:
            req: the request.
            operation: the operation's name.
            params: its parameters, as JSON-like data.
            wait_seconds: how long to wait for the job to end, up to `CALLBOARD_MAX_WAIT`; None
                waits as long as the operation's `wait` says.
            key: an Idempotency-Key; a repeat with the same key returns the same job.
            options: other fields of the body of `POST /v1/jobs`, such as `priority`, `labels`,
                `delay_seconds` or `callback`; None means the default.

        Raises:
            InvalidParameters: the parameters are invalid; `errors` has pairs of a JSON Pointer and
                what is wrong there.
            DuplicateJob: an equal job is active; the error has its `job_id` and `status`.
            CapacityExceeded: the server, the operation or a capacity group of it has too many
                active jobs.
            RateExceeded: the caller's tenant has used up its submissions of the operation.
            Problem: 422, an option is invalid.
            UnknownOperation: this server has no such operation.
        """
        given = {name: value for name, value in options.items() if value is not None}
        body = {"operation": operation, "params": dict(params), **given}
        asked = parse_submission(body)
        offload = self._services.compute if is_large(req) else at_once
        repeat = idempotency_fields(key, body, offload=offload)
        accepted = self._acceptance.accept(req, asked, repeat)
        wait_s = None if wait_seconds is None else min(max(0, wait_seconds), self._max_wait_s)
        preference = Preference(wait_s=None if wait_s is None else int(wait_s))
        return self._acceptance.wait(req, asked.operation, accepted, preference)[0]

    def read(self, req: Request, job_id: str) -> Record:
        """Read a job, with its result if that has at most `CALLBOARD_INLINE_RESULT_BYTES`.

        Raises:
            JobNotFound: the caller has no such job.
            JobGone: the job has expired or was removed; a subclass of `JobNotFound`.
        """
        return self._reader.read(job_id, req.context.caller)

    def wait(self, req: Request, job_id: str, seconds: float) -> Record:
        """Wait until a job ends or the time is up, then read it.

        Args:
            req: the request.
            job_id: the job's id.
            seconds: how long to wait, up to `CALLBOARD_MAX_WAIT`.

        Raises:
            JobNotFound: the caller has no such job.
        """
        known = self.read(req, job_id)
        if known.final:
            return known
        return self._services.events.wait(
            req,
            job_id,
            self._reader.read,
            until=FINAL.__contains__,
            timeout=min(seconds, self._max_wait_s),
            known=known,
        )

    def result(self, req: Request, job: Record) -> Any:
        """Return the whole result of a job that succeeded; each file in it has an `href`.

        Raises:
            JobNotFinished: the job has no result.
            FileNotFound: the result has been removed.
        """
        services, value = self._services, job.result
        if value is None:
            value = read_result(services.store, job.id, services.storage, offload=services.offload)
        return with_addresses(value, job.result_files, req.context.urls)

    def cancel(self, req: Request, job_id: str, *, force: bool = False) -> Record:
        """Cancel a job in one step, and read it; a final job does not change.

        Raises:
            JobNotFound: the caller has no such job.
        """
        check_job_id(job_id)
        tenant = req.context.caller.only_tenant
        cancel(self._services.store, job_id, tenant=tenant, force=force)
        return self.read(req, job_id)

    def offer_cancel(self, req: Request, job_id: str, *, token: str | None = None) -> Confirmation:
        """Return a token for `confirm_cancel`; the job does not change.

        Args:
            req: the request.
            job_id: the job's id.
            token: the token to offer; by default a random one. Only the same caller can use it.

        Raises:
            JobFinal: the job has ended.
            JobNotFound: the caller has no such job.
        """
        known = self.read(req, job_id)
        caller = req.context.caller.identity
        return ask_cancel(self._services.store, known.id, caller=caller, token=token)

    def confirm_cancel(self, req: Request, job_id: str, token: str) -> Record:
        """Cancel a job with a token that was offered to the same caller.

        Raises:
            ConfirmationStale: the token was not offered to this caller, or has expired.
            JobFinal: the job has ended.
            JobNotFound: the caller has no such job.
        """
        check_job_id(job_id)
        caller = req.context.caller
        store, tenant = self._services.store, caller.only_tenant
        try:
            confirm_cancel(store, job_id, token, caller=caller.identity, tenant=tenant)
        except JobNotFound:
            self.read(req, job_id)  # which says if it is gone
            raise
        return self.read(req, job_id)

    def find(
        self,
        req: Request,
        *,
        status: Status | Collection[Status] | None = None,
        operation: str | None = None,
        labels: Mapping[str, str] | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[Record]:
        """List jobs of the caller's tenant, newest first, without their results.

        Args:
            req: the request.
            status: only jobs with this status, or with one of these.
            operation: only jobs of this operation.
            labels: only jobs that have all of these labels.
            limit: the maximum number of jobs, up to 100.
            offset: how many jobs to skip, up to `MAX_COUNTED`.
        """
        wanted = Wanted(operation=operation, labels=labels or {})
        first, most = min(offset, MAX_COUNTED), min(limit, 100)
        tenant = req.context.caller.tenant
        # Two queries may both find a job whose status changed between them.
        found = {
            job.id: job
            for each in _each(wanted, status)
            for job in self._newest(each, tenant, first + most)
        }
        newest = sorted(found.values(), key=lambda job: (job.created_at, job.id), reverse=True)
        return newest[first : first + most]

    def _newest(self, wanted: Wanted, tenant: str, most: int) -> list[Record]:
        found: list[Record] = []
        behind = None
        while len(found) < most:
            page = list_jobs(
                self._services.store,
                wanted,
                tenants=[tenant],
                most=min(1000, most - len(found)),
                behind=behind,
            )
            found += page.records
            behind = page.next
            if behind is None:
                break
        return found

    def count(
        self,
        req: Request,
        *,
        status: Status | Collection[Status] | None = None,
        operation: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> int:
        """Count the jobs that `find` lists, up to `MAX_COUNTED` for each status."""
        wanted = Wanted(operation=operation, labels=labels or {})
        store, tenant = self._services.store, req.context.caller.tenant
        return sum(
            count_jobs(store, each, tenant=tenant, most=MAX_COUNTED)
            for each in _each(wanted, status)
        )

    def estimate(self, job: Record) -> JobEstimate:
        """Estimate when a queued job starts, and how long it takes."""
        known, duration = self._estimates.of(job), self._estimates.duration(job.operation)
        duration_s = None if duration is None else duration.mean_ms / 1000
        return JobEstimate(known.position, known.start_s, duration_s)

    def retry_after(self, job: Record) -> int:
        """Return after how many seconds to poll again for a job that is not final."""
        return self._estimates.retry_after_s(job)

    def url(self, req: Request, job_id: str) -> str:
        """Return the URL of a job at `/v1/jobs`."""
        return req.context.urls.job(job_id)

    def base(self, req: Request) -> str:
        """Return the base URL by which the client reaches this server, without a final slash."""
        return req.context.urls.base


def _each(wanted: Wanted, status: Status | Collection[Status] | None) -> list[Wanted]:
    """Make one query for each status, since each index has a single status."""
    if status is None:
        return [wanted]
    statuses = [status] if isinstance(status, str) else status
    return [replace(wanted, status=each) for each in statuses]
