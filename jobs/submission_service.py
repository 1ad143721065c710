"""The one path by which jobs come in, from HTTP and from Python."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from callboard.config import Rate
from callboard.jobs.errors import DuplicateJob, InvalidParameters, OperationError, OperationFault
from callboard.jobs.fault_points import FaultPoints
from callboard.jobs.files.check import check_files
from callboard.jobs.files.records import read_files
from callboard.jobs.ids import new_job_id
from callboard.jobs.operation import Check, Operation
from callboard.jobs.operation_limits import CapacityGroup, OperationLimits
from callboard.jobs.publisher import MessagePublisher, Wakeup
from callboard.jobs.rate_quota import Charge, submissions_policy
from callboard.jobs.registry import Registry
from callboard.jobs.relay import Relay
from callboard.jobs.store import Store
from callboard.jobs.submission import DEFAULT_TENANT, Submission
from callboard.jobs.submit import Accepted, submit
from callboard.jobs.submit_from_python import bind_submitter
from callboard.jobs.user_code import log_fault

ReadOptions = Callable[[str, Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]
"""Reads the options of a submission of an operation with such parameters."""


def _somebody() -> bool:
    return True


def refuse_options(
    _operation: str, _params: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Take no options.

    Raises:
        InvalidParameters: there are some.
    """
    if options:
        raise InvalidParameters([(f"/{name}", "is not an option here") for name in options])
    return {}


@dataclass(frozen=True)
class SubmissionService:
    """Validates, records and publishes submissions.

    Attributes:
        relay: takes confirms, and publishes what a submission woke besides itself.
        max_active: the largest number of active jobs on the server.
        submission_rates: by operation, instead of the declared `submission_rate`.
        capacities: by group, instead of those declared in `capacity_groups`.
    """

    store: Store
    publisher: MessagePublisher
    relay: Relay
    registry: Registry
    max_active: int
    faults: FaultPoints = field(default_factory=FaultPoints)
    submission_rates: Mapping[str, Rate] = field(default_factory=dict)
    capacities: Mapping[str, int] = field(default_factory=dict)

    def submit(
        self,
        operation: str,
        params: Mapping[str, Any],
        *,
        charge: Charge | None = None,
        payer: str | None = None,
        check: Check = Operation.validated,
        **chosen: Any,
    ) -> Accepted:
        """Record a job and publish its message, waiting for the broker's confirm.

        Once it is recorded it is accepted, whether or not the broker confirms within its
        deadline: the outbox keeps what is not confirmed.

        Args:
            operation: the operation's name.
            params: JSON-like.
            charge: the quota of requests that it uses; None for a caller without a rate.
            payer: the tenant whose quota of submissions it uses; None if it uses none.
            check: validates the parameters.
            chosen: fields of `Submission` that the caller chose.

        Raises:
            UnknownOperation, InvalidParameters: it can never be run.
            OperationFault: the operation's own code failed.
            Refused: the job was not accepted.
            StoreUnavailable: Redis does not answer.
        """
        found = self.registry.get(operation)
        submission = self.prepare(found, params, check=check, **chosen)
        accepted = submit(
            self.store,
            submission,
            max_active=self.max_active,
            limits=self.limits_of(found, payer),
            charge=charge,
        )
        self.faults.reach("between-record-and-publish")
        if accepted.wakeup:
            wakeup = Wakeup(
                accepted.submission,
                accepted.wakeup,
                reserved=bool(submission.value_limits),  # else it waits in Redis
                published_ms=accepted.now_ms,
            )
            (confirmed,) = self.publisher.publish([wakeup])
            if confirmed:
                self.relay.acknowledge(accepted.job_id, accepted.wakeup)
        return accepted

    def submission_rate(self, operation: Operation) -> Rate | None:
        """Return how many jobs of an operation each tenant may submit; None for any number."""
        return self.submission_rates.get(operation.name, operation.rules.submission_rate)

    def limits_of(self, operation: Operation, payer: str | None) -> OperationLimits:
        """Return the limits of an operation that a submission is checked against.

        Args:
            operation: what is submitted.
            payer: as for `submit`.
        """
        rate = self.submission_rate(operation)
        charge = None
        if rate is not None and payer is not None:
            charge = Charge(payer, rate, submissions_policy(operation.name))
        return OperationLimits(operation.rules.max_active, charge, self.groups_of(operation))

    def groups_of(self, operation: Operation) -> tuple[CapacityGroup, ...]:
        """Return the capacity groups of an operation with the numbers that hold here."""
        declared = self.registry.capacity_groups()
        groups = (declared[name] for name in operation.rules.capacity_groups if name in declared)
        return tuple(
            replace(group, max_active=self.capacities.get(group.name, group.max_active))
            for group in groups
        )

    def prepare(
        self,
        operation: Operation,
        params: Mapping[str, Any],
        *,
        check: Check = Operation.validated,
        **chosen: Any,
    ) -> Submission:
        """Validate a submission, also against the files that its tenant has.

        Args:
            operation: what to run.
            params: JSON-like.
            check: as for `submit`.
            chosen: fields of `Submission` that the caller chose.

        Raises:
            InvalidParameters: it can never be run.
            OperationFault: the operation's own code failed, which is logged.
            StoreUnavailable: Redis does not answer.
        """
        job_id = chosen.pop("job_id", None) or new_job_id()
        tenant = chosen.get("tenant", DEFAULT_TENANT)
        try:
            validated = check(operation, params)
            if not validated.uses:
                return operation.submission(job_id, validated, **chosen)
            files = check_files(validated.uses, partial(read_files, self.store, tenant=tenant))
            return operation.submission(job_id, validated, files, **chosen)
        except OperationFault as error:
            log_fault(error, operation.name)
            raise

    def serve_operations(
        self, read_options: ReadOptions = refuse_options, *, runs: Callable[[], bool] = _somebody
    ) -> Callable[[], None]:
        """Let `Operation.submit` in this process come through here, until what this gives.

        Args:
            read_options: gives the fields of a submission that options choose.
            runs: whether anybody runs jobs of this installation.
        """

        def take(name: str, params: Mapping[str, Any], options: Mapping[str, Any]) -> str:
            operation = self.registry.get(name)
            if not runs():
                raise OperationError(
                    f"{name}: no worker would run the job: this process has neither servers nor a "
                    "worker; set CALLBOARD_BROKER_URL and CALLBOARD_REDIS_URL"
                )
            try:
                return self.submit(name, params, **read_options(name, params, options)).job_id
            except DuplicateJob as error:
                if operation.rules.on_conflict == "return":
                    return error.job_id
                raise

        return bind_submitter(take)
