"""Submit from Python: what `Operation.submit` takes, and who takes it in this process."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from callboard.config.duration import parse_duration
from callboard.jobs.errors import InvalidParameters, OperationError

Submitter = Callable[[str, Mapping[str, Any], Mapping[str, Any]], str]
"""Takes an operation's name, its parameters and the options, and gives the job's id."""

OPTIONS: Final = (
    "tenant",
    "priority",
    "labels",
    "delay",
    "delay_seconds",
    "run_at",
    "result_ttl",
    "result_ttl_seconds",
    "callback",
    "after",
    "after_policy",
    "idempotency_key",
)
"""What may be said beside the parameters; the members of a submission over HTTP, and more."""

_SECONDS: Final = {"delay": "delay_seconds", "result_ttl": "result_ttl_seconds"}
_submitters: list[Submitter] = []
_own_tenant: ContextVar[str | None] = ContextVar("own_tenant", default=None)


def bind_submitter(submitter: Submitter) -> Callable[[], None]:
    """Have `Operation.submit` go through `submitter`, the latest one, until what this gives."""
    _submitters.append(submitter)

    def unbind() -> None:
        if submitter in _submitters:
            _submitters.remove(submitter)

    return unbind


def submitter_of(operation: str) -> Submitter:
    """Return who takes submissions in this process.

    Raises:
        OperationError: this process has no submitter.
    """
    if not _submitters:
        raise OperationError(
            f"{operation}: this process is not connected, so no worker would run the job; "
            "call ops.connect() first"
        )
    return _submitters[-1]


@contextmanager
def running_for(tenant: str) -> Iterator[None]:
    """Have what is submitted meanwhile, by a function that runs, belong to its job's tenant."""
    token = _own_tenant.set(tenant)
    try:
        yield
    finally:
        _own_tenant.reset(token)


def with_own_tenant(options: Mapping[str, Any]) -> dict[str, Any]:
    """Complete options by the tenant of the job that submits, if one does."""
    own = _own_tenant.get()
    return dict(options) if own is None else {"tenant": own, **options}


def split(
    params: Mapping[str, Any] | None, given: Mapping[str, Any], known: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part parameters and options that were given by name.

    Args:
        params: those that were given as a mapping; then all names are of options.
        given: by name.
        known: the operation's parameters: these win over an option of the same name.

    Raises:
        InvalidParameters: something is no option.
    """
    if params is None:
        options = {name: each for name, each in given.items() if _is_option(name, known)}
        return {name: each for name, each in given.items() if name not in options}, options
    wrong = [name for name in given if name not in OPTIONS]
    if wrong:
        raise InvalidParameters([(f"/{name}", "is no option") for name in wrong])
    return dict(params), dict(given)


def _is_option(name: str, known: Mapping[str, Any]) -> bool:
    return name in OPTIONS and name not in known


def as_members(options: Mapping[str, Any]) -> dict[str, Any]:
    """Write options as a submission over HTTP has them.

    Raises:
        InvalidParameters: one is no duration or no time.
    """
    members: dict[str, Any] = {}
    for name, value in options.items():
        if value is None:
            continue
        try:
            members[_SECONDS.get(name, name)] = _member(name, value)
        except (ValueError, TypeError) as error:
            raise InvalidParameters([(f"/{name}", str(error))]) from error
    return members


def _member(name: str, value: Any) -> Any:
    match name, value:
        case (("delay" | "result_ttl"), str()):
            return parse_duration(value).total_seconds()
        case (("delay" | "result_ttl" | "delay_seconds" | "result_ttl_seconds"), timedelta()):
            return value.total_seconds()
        case "run_at", datetime():
            if value.tzinfo is None:
                raise ValueError("needs a time zone, as in datetime.now(UTC)")
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case "callback", str():
            return {"url": value}
        case "after", (tuple() | set() | frozenset()):
            value = list(value)
        case (("callback" | "labels"), Mapping()):
            return dict(value)
    return value
