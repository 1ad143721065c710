"""Check the small bodies that a request may have or leave out."""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from api.problems.problem import invalid_request
from jobs.parameters import pointer_of

Model = TypeVar("Model", bound=BaseModel)


class Nothing(BaseModel):
    """A body that says nothing: an empty object, or none at all."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def parse_body(model: type[Model], body: Any) -> Model:
    """Check a body.

    Args:
        model: what it must be.
        body: JSON-like.

    Raises:
        Problem: 422; each error has a JSON Pointer into the body.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
    raise invalid_request([(pointer_of(each["loc"]), each["msg"]) for each in details])
