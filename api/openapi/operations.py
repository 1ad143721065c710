"""The schemas of one operation, from its own declaration."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from callboard.api.description import Schema, named
from callboard.api.jobs.submission import SubmissionBody
from callboard.api.openapi.examples import example_of
from callboard.api.openapi.files import form_schema
from callboard.api.openapi.naming import inner_names, renamed
from callboard.api.openapi.shapes import nullable
from callboard.jobs.errors import InvalidParameters, OperationFault
from callboard.jobs.json_numbers import MAX_INTEGER, MIN_INTEGER
from callboard.jobs.operation import Operation


def operation_schemas(operation: Operation, prefix: str, job: Schema) -> dict[str, Schema]:
    """Return the schemas of an operation's parameters, submission, result and job, by name.

    Args:
        operation: whose.
        prefix: what their names begin with.
        job: the schema of any operation's job.
    """
    parameters = operation.parameters
    result = {"description": "The result of the operation.", **_value(parameters.result_schema)}
    given = {"title": operation.name, **parameters.schema}
    names = inner_names(prefix, own_schemas(operation))
    of_params, of_result = (
        {own: name for (number, own), name in names.items() if number == each} for each in (0, 1)
    )
    found = {
        **_hoisted(f"{prefix}Parameters", given, of_params, bounded=True),
        **_hoisted(f"{prefix}Result", result, of_result, bounded=False),
    }
    return {
        **found,
        f"{prefix}Job": _job_schema(job, operation.name, named(f"{prefix}Result")),
        f"{prefix}Submission": submission_schema(operation, prefix),
        **_form(operation, prefix, found[f"{prefix}Parameters"]),
    }


def _job_schema(job: Schema, operation: str, result: Schema) -> Schema:
    """Return the schema of one operation's job."""
    properties = job["properties"]
    return {
        **job,
        "properties": {
            **properties,
            "operation": {"type": "string", "enum": [operation]},
            "result": {**properties["result"], **nullable(result)},
        },
    }


def own_schemas(operation: Operation) -> tuple[Schema, Schema]:
    """Return the schemas that an operation declares: of its parameters, and of its result."""
    return operation.parameters.schema, operation.parameters.result_schema


def _form(operation: Operation, prefix: str, params: Schema) -> dict[str, Schema]:
    if not operation.parameters.files:
        return {}
    return {f"{prefix}Form": form_schema(operation, params)}


def checked(model: type[BaseModel]) -> Schema:
    """Return the schema of what a model checks."""
    plain: Schema = _plain(model.model_json_schema(), {}, bounded=False)
    return plain


def submission_schema(operation: Operation | None = None, prefix: str = "") -> Schema:
    """Return the schema of `POST /v1/jobs`, of one operation or of any."""
    schema = {key: each for key, each in checked(SubmissionBody).items() if key != "$defs"}
    if operation is not None:
        known = {"type": "string", "enum": [operation.name]}
        params = named(f"{prefix}Parameters")
        schema["properties"] |= {"operation": known, "params": params}
        schema["description"] = f"What to run: `{operation.name}`."
    return schema


def parameters_example(operation: Operation) -> dict[str, Any] | None:
    """Return an example of the required parameters; None if none is found."""
    found: dict[str, Any] = example_of(operation.parameters.schema)
    try:
        operation.parameters.check(found)
    except (InvalidParameters, OperationFault):
        return None
    return found


def _value(schema: Schema) -> Schema:
    """Return a result's schema; of one that is always null no generator of clients makes a type."""
    return {"description": "Always null."} if schema == {"type": "null"} else schema


def _hoisted(
    name: str, schema: Schema, names: Mapping[str, str], *, bounded: bool
) -> dict[str, Schema]:
    """Make of a schema's own definitions schemas of the document."""
    inner = {
        names[each]: _plain(definition, names, bounded=bounded)
        for each, definition in schema.get("$defs", {}).items()
    }
    outer = {key: value for key, value in schema.items() if key != "$defs"}
    return {**inner, name: _plain(outer, names, bounded=bounded)}


def _plain(schema: Any, names: Mapping[str, str], *, bounded: bool) -> Any:
    """Copy a schema with its references made the document's and the titles left out.

    Whole numbers that a request may carry get the bounds of 64 bits that bodies have.
    """
    if isinstance(schema, list):
        return [_plain(each, names, bounded=bounded) for each in schema]
    if not isinstance(schema, dict):
        return schema
    copied = {
        key: (
            {name: _plain(each, names, bounded=bounded) for name, each in value.items()}
            if key in ("properties", "patternProperties")
            else value
            if key in ("default", "examples", "example", "enum", "const", "discriminator")
            else _plain(value, names, bounded=bounded)
        )
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }
    copied = renamed(copied, names)
    if bounded and copied.get("type") == "integer":
        if not copied.keys() & {"minimum", "exclusiveMinimum"}:
            copied["minimum"] = MIN_INTEGER
        if not copied.keys() & {"maximum", "exclusiveMaximum"}:
            copied["maximum"] = MAX_INTEGER
    return copied
