"""Read the options of `Operation.submit` by the rules of a submission over HTTP."""

from collections.abc import Mapping
from typing import Any, Final

from callboard.actors.container import Container
from callboard.api.callback_policy import CallbackPolicy
from callboard.api.idempotency import idempotency_fields
from callboard.api.jobs.submission import chosen_fields, parse_submission
from callboard.api.problems.problem import Problem
from callboard.jobs.api_keys import TENANT
from callboard.jobs.errors import InvalidParameters
from callboard.jobs.json_pointer import pointer_of
from callboard.jobs.submission import DEFAULT_TENANT

_BESIDE: Final = ("tenant", "idempotency_key")
"""Options that a caller over HTTP sends as an API key and a header."""


def serve_operations(container: Container) -> None:
    """Let `Operation.submit` submit jobs from this process until the container is closed."""
    options = _Options(container)
    unbind = container.submissions.serve_operations(options.fields, runs=container.has_worker)
    container.at_close.append(unbind)


class _Options:
    def __init__(self, container: Container) -> None:
        self._now_ms = container.store.now_ms
        self._policy = CallbackPolicy(container.settings)
        settings = container.settings
        self._base = settings.public_url or f"http://{settings.host}:{settings.port}"

    def fields(
        self, operation: str, params: Mapping[str, Any], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the fields of a submission from the options of `Operation.submit`.

        Args:
            operation: to be run.
            params: JSON-like.
            options: as a submission over HTTP has them, with tenant and Idempotency-Key.

        Raises:
            InvalidParameters: they would be refused over HTTP as well.
        """
        beside = {name: options[name] for name in _BESIDE if name in options}
        members = {name: each for name, each in options.items() if name not in _BESIDE}
        body = {"operation": operation, "params": params, **members}
        try:
            asked = parse_submission(body)
            chosen: dict[str, Any] = dict(idempotency_fields(beside.get("idempotency_key"), body))
            if asked.callback is not None:
                base = self._base
                chosen["callback"] = self._policy.accept(asked.callback, base, place=pointer_of)
        except Problem as problem:
            errors = problem.members.get("errors", [{"pointer": "", "detail": problem.detail}])
            raise InvalidParameters(
                [(each["pointer"], each["detail"]) for each in errors]
            ) from problem
        return {**chosen, **chosen_fields(asked, self._now_ms), "tenant": _tenant(beside)}


def _tenant(beside: Mapping[str, Any]) -> str:
    tenant = beside.get("tenant", DEFAULT_TENANT)
    if not isinstance(tenant, str) or not TENANT.fullmatch(tenant):
        raise InvalidParameters([("/tenant", "is 1 to 64 letters, digits, _ and -")])
    return tenant
