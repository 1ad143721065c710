"""Validates the small, optional bodies of requests."""

from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from callboard.api.problems.problem import invalid_request
from callboard.jobs.json_pointer import pointer_of
from callboard.jobs.validation_errors import validation_errors

Model = TypeVar("Model", bound=BaseModel)
MAX_MEMBERS: Final = 100  # each unknown member is an error of its own


class Nothing(BaseModel):
    """An empty object, or no body."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def check_members(body: Any, pointer: str = "") -> None:
    """Refuse a body that is no object, or has too many members, before validating any.

    Args:
        body: JSON-like.
        pointer: where in the request it was.

    Raises:
        Problem: 422.
    """
    if not isinstance(body, dict):
        raise invalid_request([(pointer, "must be an object")])
    if len(body) > MAX_MEMBERS:
        raise invalid_request([(pointer, f"has more than {MAX_MEMBERS} members")])


def parse_body(model: type[Model], body: Any) -> Model:
    """Validate a body.

    Args:
        model: the model to validate with.
        body: JSON-like.

    Raises:
        Problem: 422; each error has a JSON Pointer into the body.
    """
    check_members(body)
    try:
        return model.model_validate(body)
    except ValidationError as error:
        found = validation_errors(error, body, model.model_validate)
    raise invalid_request([(pointer_of(where), detail) for where, detail in found])
