"""The methods of an operation's own path, from those of the template that it stands for."""

from dataclasses import replace
from typing import Final

from callboard.api.description import BodyDescription, MethodDescription, ResponseDescription
from callboard.api.files.multipart import FORM
from callboard.api.files.upload_description import UPLOAD_PROBLEMS
from callboard.api.openapi.files import form_encoding
from callboard.api.openapi.operations import parameters_example
from callboard.api.problems import table
from callboard.jobs.operation import Operation

ONE: Final = "/v1/operations/{name}"


def of_operation(
    operation: Operation, prefix: str, method: str, general: MethodDescription
) -> MethodDescription:
    """Describe a method of one operation's path.

    Args:
        operation: which.
        prefix: what the names of its schemas begin with.
        method: of the request.
        general: the description of the same method for any operation.
    """
    name = operation.name
    if method == "GET":
        return replace(
            general,
            id=f"describe{prefix}",
            summary=f"Look at {name}",
            description=f"Describes `{name}`.",
            problems=(),
        )
    rules = operation.rules
    unique = rules.unique or rules.unique_by is not None
    first, _, rest = operation.description.partition("\n")
    left_out = {table.UNKNOWN_OPERATION, table.DUPLICATE_JOB}
    return replace(
        general,
        id=f"run{prefix}",
        summary=f"Run {name}",
        description="\n".join(filter(None, (first or f"Runs `{name}`.", rest))),
        body=_body(operation, prefix),
        responses={
            status: _with_job(response, prefix)
            for status, response in general.responses.items()
            if status != 303 or (unique and rules.on_conflict == "return")  # noqa: PLR2004
        },
        problems=(
            *(each for each in general.problems if each not in left_out),
            *(UPLOAD_PROBLEMS if operation.parameters.files else ()),
            *((table.DUPLICATE_JOB,) if unique else ()),
        ),
    )


def _body(operation: Operation, prefix: str) -> BodyDescription:
    takes_files = bool(operation.parameters.files)
    example = parameters_example(operation)
    return BodyDescription(
        schema=f"{prefix}Parameters",
        also={FORM: f"{prefix}Form"} if takes_files else {},
        encoding=form_encoding(operation) if takes_files else {},
        examples={} if example is None else {operation.name: example},
    )


def _with_job(response: ResponseDescription, prefix: str) -> ResponseDescription:
    return response if response.schema is None else replace(response, schema=f"{prefix}Job")
