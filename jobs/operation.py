"""An operation: a named, typed Python function that can be run as a job."""
# long: the vocabulary of declarations stands in it twice, once for type checkers

import inspect
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final, overload

from callboard.config import Rate
from callboard.config.duration import parse_bytes, parse_duration
from callboard.config.values import parse_rate
from callboard.jobs.checked_parameters import CheckedParameters, Digests, Validated
from callboard.jobs.errors import OperationError
from callboard.jobs.files.records import FileRecord
from callboard.jobs.fingerprint import fingerprint
from callboard.jobs.limit import operation_slot, resource_slot
from callboard.jobs.operation_rules import (
    Isolation,
    MemoryLimitKind,
    Rules,
    Start,
    Submitter,
    complaints,
    unknown_option,
)
from callboard.jobs.parameters import Parameters
from callboard.jobs.retry_policy import Decide, RetryPolicy, policy_of
from callboard.jobs.submission import (
    DEFAULT_TENANT,
    FIRST_FORMAT,
    FORMAT,
    OnConflict,
    Submission,
)
from callboard.jobs.submit_from_python import as_members, split, submitter_of, with_own_tenant
from callboard.jobs.unique_by import UniqueBy
from callboard.jobs.value_slots import TENANT, complaints_about, value_class, value_slot


class Operation:
    """A declared function; calling it runs the plain function, as in a test."""

    def __init__(self, function: Callable[..., Any], name: str, rules: Rules) -> None:
        self.function: Final = function
        self.name: Final = name
        self.rules: Final = rules
        self.parameters: Final = Parameters(function, name)
        self._unique_by: Final = (
            None
            if rules.unique_by is None
            else UniqueBy(rules.unique_by, name, self.parameters.names)
        )
        for complaint in complaints_about(rules.max_running_per, frozenset(self.parameters.names)):
            raise OperationError(f"{name}: {complaint}")
        self.is_async: Final = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(
            function
        )
        self.description: Final = inspect.cleandoc(function.__doc__ or "")
        self.__doc__ = function.__doc__
        self.__name__ = name
        self.__module__ = function.__module__

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Run the function itself, here and now."""
        return self.function(*args, **kwargs)

    def submit(self, params: Mapping[str, Any] | None = None, /, **given: Any) -> str:
        """Submit a job like a request over HTTP, and return its id; also from within a job.

        Names that are not parameters of the operation are options: `tenant`, by default that of the
        job that submits; `priority`; `labels`; `delay` and `result_ttl`, in seconds, as a
        `timedelta` or as `5m`; `run_at`, with a time zone; `callback`, an address or a mapping;
        `after`, ids of jobs that must end first, and `after_policy`; `idempotency_key`. A
        duplicate returns the id of the other job if `on_conflict="return"`.

        Args:
            params: the parameters, in place of naming them; then all names are options, also
                those that the operation has parameters for.
            given: by name.

        Python values are written as a caller over HTTP would send them, and it is these that are
        validated for each attempt: models and dataclasses by their fields, times as text.

        Raises:
            OperationError: no worker would run the job: this process is not connected, or has
                neither servers nor a worker.
            UnknownOperation: this installation does not have the operation.
            InvalidParameters: a parameter or an option is invalid.
            OperationFault: the operation's own code failed.
            Refused: the job was not accepted.
            StoreUnavailable: Redis does not answer.
        """
        submitter = submitter_of(self.name)
        chosen, options = split(params, given, self.parameters.schema.get("properties", {}))
        sent = self.parameters.sent(chosen)
        return submitter(self.name, sent, as_members(with_own_tenant(options)))

    def __repr__(self) -> str:
        return f"<operation {self.name}>"

    def limited_slots(self) -> tuple[str, ...]:
        """Name the slots that its jobs take; of values, which differ, the classes of slots."""
        resources = map(resource_slot, self.rules.slots)
        return operation_slot(self.name), *resources, *self.value_limits()

    def value_limits(self) -> dict[str, int]:
        """Return the declared places of each value, by the class of its slots."""
        limited = self.rules.max_running_per.items()
        return {value_class(self.name, name): places for name, places in limited}

    def validated(self, params: Mapping[str, Any]) -> Validated:
        """Validate JSON-like parameters.

        Raises:
            InvalidParameters: they do not fit; each error has a JSON Pointer.
            OperationFault: the operation's own code failed.
        """
        checked = self.parameters.check(params)

        def digests(known: Mapping[str, FileRecord]) -> Digests:
            content = checked.know_files(known)
            return Digests(self.fingerprint_of(checked, content), self.values_of(checked, content))

        return Validated(checked.params, checked.uses, digests)

    def values_of(self, checked: CheckedParameters, content: Mapping[str, str]) -> dict[str, str]:
        """Return a digest of each parameter's value that has places of its own, by its name.

        Args:
            checked: the parameters.
            content: the content of each file in them, by its id.
        """
        named = (name for name in self.rules.max_running_per if name != TENANT)
        return {name: fingerprint(checked.meaning_of(name, content)) for name in named}

    def fingerprint_of(self, checked: CheckedParameters, content: Mapping[str, str]) -> str | None:
        """Return what equal jobs have in common, or None when equal jobs may run.

        Args:
            checked: the parameters.
            content: the content of each file in them, by its id.

        Raises:
            OperationFault: the operation's `unique_by` failed.
        """
        if self._unique_by is not None:
            return self._unique_by.fingerprint(checked.arguments, content)
        return fingerprint(checked.meaning(content)) if self.rules.unique else None

    def submission(
        self,
        job_id: str,
        validated: Validated,
        known: Mapping[str, FileRecord] = MappingProxyType({}),
        /,
        **chosen: Any,
    ) -> Submission:
        """Build a submission with this operation's rules.

        Args:
            job_id: a new UUIDv7.
            validated: its parameters.
            known: the records of the files that these name, by their ids.
            chosen: fields of `Submission` that the caller chose; they win.

        Raises:
            OperationFault: the operation's own code failed.
        """
        digests = validated.digests(known)
        slots = {resource_slot(name): number for name, number in self.rules.slots.items()}
        limited = {TENANT: chosen.get("tenant", DEFAULT_TENANT), **digests.values}
        for name in self.rules.max_running_per:
            slots[value_slot(self.name, name, limited[name])] = 1
        values: dict[str, Any] = {
            "queue": self.rules.queue,
            "slots": ",".join(f"{slot}={number}" for slot, number in slots.items()),
            "value_limits": self.value_limits(),
            "format": FORMAT if self.rules.max_running_per else FIRST_FORMAT,
            "fingerprint": digests.fingerprint,
            "files": tuple(known),
            "on_conflict": self.rules.on_conflict,
            "result_ttl": self.rules.result_ttl,
            "max_retries": self.rules.max_retries,
            **chosen,
        }
        return Submission(job_id=job_id, operation=self.name, params=validated.params, **values)


Check = Callable[[Operation, Mapping[str, Any]], Validated]
"""Validates parameters as `Operation.validated` does: in this thread, or where that holds nothing
else up; pydantic lets no other thread run meanwhile.
"""


@overload
def operation(function: Callable[..., Any], /) -> Operation: ...


@overload
def operation(
    *,
    name: str | None = ...,
    time_limit: str | timedelta = ...,
    max_running: int | None = ...,
    max_running_per: Mapping[str, int] | None = ...,
    slots: Mapping[str, int] | None = ...,
    max_active: int = ...,
    submission_rate: str | Rate | None = ...,
    capacity_groups: Mapping[str, int] | None = ...,
    unique: bool = ...,
    unique_by: Callable[..., Any] | None = ...,
    on_conflict: OnConflict = ...,
    max_retries: int = ...,
    backoff: str | None = ...,
    retry: RetryPolicy | Decide | None = ...,
    isolation: Isolation = ...,
    start: Start = ...,
    memory_limit: str | int | None = ...,
    memory_limit_kind: MemoryLimitKind = ...,
    stop_grace: str | timedelta = ...,
    wait: str | timedelta = ...,
    queue: str = ...,
    result_ttl: str | timedelta = ...,
    max_result: str | int | None = ...,
    capture_logs: bool = ...,
    role: Submitter = ...,
) -> Callable[[Callable[..., Any]], Operation]: ...


def operation(  # noqa: PLR0913 — the declaration's vocabulary, all named
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    time_limit: str | timedelta = "10m",
    max_running: int | None = None,
    max_running_per: Mapping[str, int] | None = None,
    slots: Mapping[str, int] | None = None,
    max_active: int = 1000,
    submission_rate: str | Rate | None = None,
    capacity_groups: Mapping[str, int] | None = None,
    unique: bool = False,
    unique_by: Callable[..., Any] | None = None,
    on_conflict: OnConflict = "reject",
    max_retries: int = 0,
    backoff: str | None = None,
    retry: RetryPolicy | Decide | None = None,
    isolation: Isolation = "thread",
    start: Start = "fork",
    memory_limit: str | int | None = None,
    memory_limit_kind: MemoryLimitKind = "resident",
    stop_grace: str | timedelta = "1s",
    wait: str | timedelta = "0s",
    queue: str = "default",
    result_ttl: str | timedelta = "24h",
    max_result: str | int | None = None,
    capture_logs: bool = False,
    role: Submitter = "client",
    **unknown: object,
) -> Operation | Callable[[Callable[..., Any]], Operation]:
    """Declare a function as an operation; its type hints and docstring are the schema.

    Args:
        function: a plain or `async` function. A keyword `job` gets the running `Job`.
        name: how callers name it; the function's own name by default.
        time_limit: the time after which it is interrupted and fails as `timeout`.
        max_running: how many of its jobs run at once over all workers; None for any number.
        max_running_per: how many of its jobs run at once for each tenant, or for each value of a
            parameter, as `{"tenant": 2}`; then tenants, or values of the first name, take fair
            turns.
        slots: places that each of its jobs takes in shared resources, by resource.
        max_active: how many of its jobs may be active; further submissions are refused.
        submission_rate: how many of its jobs each tenant may submit per period over HTTP, such as
            `30/1m`; further submissions are refused.
        capacity_groups: the groups that the operation belongs to, each with how many jobs of all
            its operations together may be active, as `{"curation": 8}`; all operations of a group
            declare the same number.
        unique: whether a job with the parameters of an active one is a duplicate.
        unique_by: instead of the parameters, what makes a job a duplicate: a function that takes
            those that it names as the operation's function takes them, as `lambda genes: genes`.
        on_conflict: what to do with a duplicate: reject it, return the other, or replace the
            other if it does not run yet.
        max_retries: how often a failed job runs again.
        backoff: the minimum and maximum delay before a retry, by default `10s..5m`; it grows
            exponentially, with full jitter.
        retry: instead of `backoff`, a `RetryPolicy` or a function that gets the `FailedAttempt`
            and returns the delay.
        isolation: `thread`: the function shares the worker's process. `process`: it has one of
            its own, which is ended when it does not stop, and a crash affects no other job.
        start: `fork`: that process is forked from one that has imported all modules. `spawn`: it
            imports them itself, which takes longer, and shares nothing with others.
        memory_limit: how much memory that process and its descendants may use, such as `2GiB`.
        memory_limit_kind: `resident`: memory in use counts. `address_space`: allocated memory
            counts, and Python raises `MemoryError` beyond the limit.
        stop_grace: how long a function in a child process has to stop when it is told to.
        wait: how long a submission waits for the result unless it says otherwise.
        queue: the RabbitMQ queue of its messages.
        result_ttl: how long a finished job is kept, 1 h to 7 d.
        max_result: the largest result without its files, such as `64MiB`; by default that of the
            settings.
        capture_logs: whether to copy what it prints and logs to the job's log.
        role: the role that a caller of the HTTP API needs to submit it.
        unknown: nothing else; what other libraries call these is said.

    Raises:
        OperationError: the declaration is invalid; the message names the function and the reason.
    """

    def declare(target: Any) -> Operation:
        if not callable(target) or isinstance(target, type) or not hasattr(target, "__name__"):
            raise OperationError(f"{target!r}: @operation can only decorate functions")
        label = name or target.__name__
        for option in unknown:
            raise OperationError(f"{label}: {unknown_option(option)}")
        try:
            rules = Rules(
                time_limit=parse_duration(time_limit),
                max_running=max_running,
                max_running_per=dict(max_running_per or {}),
                slots=dict(slots or {}),
                max_active=max_active,
                submission_rate=None if submission_rate is None else parse_rate(submission_rate),
                capacity_groups=dict(capacity_groups or {}),
                unique=unique,
                unique_by=unique_by,
                on_conflict=on_conflict,
                max_retries=max_retries,
                retry=policy_of(retry, backoff, max_retries=max_retries),
                isolation=isolation,
                start=start,
                memory_limit_kind=memory_limit_kind,
                wait=parse_duration(wait),
                queue=queue,
                result_ttl=parse_duration(result_ttl),
                max_result_bytes=None if max_result is None else parse_bytes(max_result),
                memory_limit_bytes=None if memory_limit is None else parse_bytes(memory_limit),
                stop_grace=parse_duration(stop_grace),
                capture_logs=capture_logs,
                role=role,
            )
            wrong = complaints(label, rules)
        except (ValueError, TypeError, AttributeError) as error:
            raise OperationError(f"{label}: {error}") from error
        for complaint in wrong:
            raise OperationError(f"{label}: {complaint}")
        return Operation(target, label, rules)

    return declare if function is None else declare(function)
