"""The schemas of bytes, and of forms that carry files."""

from typing import Final

from callboard.api.description import Schema
from callboard.api.files.form_jobs import MAX_IN_LIST
from callboard.api.openapi.shapes import object_schema, with_description
from callboard.jobs.files.parameters import FileParameter
from callboard.jobs.operation import Operation

_BYTES: Final[Schema] = {"type": "string", "format": "binary", "minLength": 1}

SCHEMAS: Final[dict[str, Schema]] = {
    "Bytes": {"description": "The bytes themselves.", "type": "string", "format": "binary"},
    "FileBytes": {"description": "The bytes of a file.", **_BYTES},
    "FileForm": object_schema(
        "A form with one file part, which may have any name.",
        {"file": with_description(_BYTES, "The file, with a `filename`.")},
    ),
}


def form_schema(operation: Operation, params: Schema) -> Schema:
    """Return the schema of the form that submits a job with its files.

    Args:
        operation: which has parameters that are files.
        params: the schema of its parameters as JSON.
    """
    files = operation.parameters.files
    rest = {name: each for name, each in params["properties"].items() if name not in files}
    needed = [name for name in params.get("required", ()) if name in rest]
    others = {**params, "properties": rest, "required": needed}
    others.pop("title", None)
    return {
        "type": "object",
        "description": f"Parameters of `{operation.name}`, with files as parts of the form.",
        "properties": {
            "params": with_description(
                others,
                "All parameters other than files, as JSON. Alternatively, send each "
                "as a field of its own.",
            ),
            **{name: _part(each, params["properties"][name]) for name, each in files.items()},
        },
        "required": [name for name, each in files.items() if not each.optional]
        + (["params"] if needed else []),
        "additionalProperties": False,
    }


def form_encoding(operation: Operation) -> dict[str, Schema]:
    """Return how the parts of the form are written."""
    files = operation.parameters.files
    return {
        "params": {"contentType": "application/json"},
        **{
            name: {"contentType": ", ".join(each.accepts.media_types)}
            for name, each in files.items()
            if "*/*" not in each.accepts.media_types
        },
    }


def _part(parameter: FileParameter, as_json: Schema) -> Schema:
    types = parameter.accepts.media_types
    # Generators write descriptions into comments, which `*/*` would end.
    taken = "of any type" if "*/*" in types else f"one of {', '.join(types)}"
    one = with_description(_BYTES, f"A file, {taken}.")
    if not parameter.many:
        return one
    (files,) = [each for each in as_json.get("anyOf", [as_json]) if each.get("type") == "array"]
    return {
        "type": "array",
        "items": one,
        "minItems": max(1, files.get("minItems", 1)),
        "maxItems": min(MAX_IN_LIST, files.get("maxItems", MAX_IN_LIST)),
    }
