"""The parameters of requests, by the names that descriptions use."""

from typing import Any, Final

from callboard.api.callback_policy import JobCallback
from callboard.api.description import Schema, named
from callboard.api.jobs.listing import MAX_JOBS, USUAL_JOBS
from callboard.api.jobs.log import MAX_AFTER, MAX_LINES, USUAL_LINES
from callboard.api.openapi.headers import PATH, REQUEST
from callboard.api.openapi.operations import checked, submission_schema
from callboard.api.openapi.shapes import JOB_ID, whole
from callboard.api.times import TIME
from callboard.jobs.fields import LABEL_NAME, LABEL_VALUE
from callboard.jobs.operation_rules import NAME

_FLAG: Final[Schema] = {"type": "boolean"}
_TIME: Final[Schema] = {"type": "string", "format": "date-time", "pattern": f"^{TIME}$"}
# The 24 bytes of `callboard.api.paging`: a time, and an id whose version and variant are fixed.
_CURSOR: Final = (
    "^[A-Za-z0-9_-]{18}[BFJNRVZdhlptx159][w-z0-9_-][A-Za-z0-9_-][IJKLYZabopqr4567]"
    "[A-Za-z0-9_-]{10}$"
)

_QUERY: Final[dict[str, dict[str, Any]]] = {
    "force": {
        "description": "Whether to kill the function at once if it runs in its own process. "
        "Repeating a cancel without it forces nothing.",
        "schema": _FLAG,
    },
    "purge": {"description": "Whether to remove a final job.", "schema": _FLAG},
    "status": {"description": "Only jobs in this status.", "schema": named("JobStatus")},
    "operation": {
        "description": "Only jobs of this operation.",
        "schema": {"type": "string", "pattern": f"^{NAME.pattern}$"},
    },
    "created_after": {"description": "Only jobs created after this time.", "schema": _TIME},
    "created_before": {"description": "Only jobs created before this time.", "schema": _TIME},
    "batch": {"description": "Only jobs of this batch.", "schema": JOB_ID},
    "tenant": {
        "description": "Only jobs of this tenant; `*` for all tenants. For operators.",
        "schema": {"type": "string", "pattern": r"^(?:[A-Za-z0-9_-]{1,64}|\*)$"},
    },
    "file_name": {
        "name": "name",
        "description": "The file's name; shortened and made safe to display.",
        "schema": {"type": "string"},
    },
    "cursor": {
        "description": "Where the page starts, taken from `next` of the previous page.",
        "schema": {"type": "string", "pattern": _CURSOR},
    },
    "after": {
        "description": "The number of the last known line; by default the page starts with "
        "the first line.",
        "schema": whole(maximum=MAX_AFTER),
    },
}
_LIMITS: Final = {"limit": (MAX_JOBS, USUAL_JOBS), "lines": (MAX_LINES, USUAL_LINES)}


def parameters(known: list[str]) -> dict[str, dict[str, Any]]:
    """Return every parameter by its name.

    Those that may be left out have neither examples nor defaults, which forms would send.

    Args:
        known: the operations that have a path of their own.
    """
    name = {
        "description": "The operation's name.",
        "schema": {"type": "string", "pattern": f"^{NAME.pattern}$"},
    }
    return {
        **{key: _in("header", key, value) for key, value in REQUEST.items()},
        **{key: _in("path", key, value) for key, value in {**PATH, "name": name}.items()},
        **{key: _in("query", key, value) for key, value in {**_QUERY, **_options()}.items()},
        **{
            key: _in("query", "limit", _limit(most, usual))
            for key, (most, usual) in _LIMITS.items()
        },
        "knownName": _in(
            "path",
            "name",
            {"description": "The operation's name.", "schema": {"type": "string", "enum": known}},
        ),
    }


def _limit(most: int, usual: int) -> dict[str, Any]:
    return {
        "description": f"The maximum number of entries; {usual} by default.",
        "schema": whole(1, maximum=most),
    }


def _options() -> dict[str, dict[str, Any]]:
    """Return what a submission may choose, as query parameters."""
    properties = submission_schema()["properties"]
    chosen = {
        key: {
            "description": properties[key]["description"],
            "schema": _not_null(properties[key]),
        }
        for key in ("priority", "delay_seconds", "run_at", "result_ttl_seconds", "after_policy")
    }
    after = {
        "name": "after",
        "description": properties["after"]["description"],
        "style": "form",
        "explode": False,
        "schema": _not_null(properties["after"]),
    }
    labels = {
        "description": "Labels of the job, each as `label.<name>=<value>`, for example "
        "`label.project=atlas`.",
        "style": "form",
        "explode": True,
        "schema": {
            "type": "object",
            "default": {},  # without it, forms make labels up
            "maxProperties": properties["labels"]["maxProperties"],
            "propertyNames": {"pattern": rf"^label\.{LABEL_NAME}$"},
            "additionalProperties": {"type": "string", "pattern": f"^{LABEL_VALUE}$"},
        },
    }
    return {**chosen, "after_jobs": after, "labels": labels, **_callback()}


def _callback() -> dict[str, dict[str, Any]]:
    """Return the members of a submission's callback, as query parameters."""
    properties = checked(JobCallback)["properties"]
    del properties["url"]["maxLength"]  # the first line of a request has a bound of its own: 414
    styles = {"events": {"style": "form", "explode": False}}
    return {
        f"callback_{key}": {
            "description": each["description"],
            **styles.get(key, {}),
            "schema": _not_null(each),
        }
        for key, each in properties.items()
    }


def _not_null(schema: Schema) -> Schema:
    """Return what a query parameter can be, which is never null."""
    (kept,) = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    return {key: value for key, value in kept.items() if key not in ("description", "default")}


def _in(where: str, name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", **value}
