"""The schemas of schedules, as `callboard.api.schedules.resource` shows and takes them."""

from collections.abc import Mapping
from typing import Final, get_args

from callboard.api.openapi.description import Schema, named
from callboard.api.openapi.operations import checked
from callboard.api.openapi.shapes import (
    ADDRESS,
    PRIORITY,
    TEXT,
    TIME,
    closed,
    listed,
    nullable,
    said,
)
from callboard.api.schedules.resource import ScheduleRequest
from callboard.jobs.schedules.schedule import NAME_PATTERN, Missed
from callboard.jobs.schedules.stored import Source, TickOutcome

NAME: Final[Schema] = {"type": "string", "pattern": f"^{NAME_PATTERN}$"}

SCHEMAS: Final[dict[str, Schema]] = {
    "ScheduleTick": closed(
        "What became of a schedule's latest tick.",
        {
            "at": said(TIME, "The tick's own time; its job may have come a little later."),
            "outcome": said(
                {"type": "string", "enum": list(get_args(TickOutcome))},
                "`submitted` made a job; `skipped` was missed, and is not made up for.",
            ),
            "detail": said(nullable(TEXT), "Why it made none."),
            "job": said(
                nullable(named("JobReference")),
                "Its job, or the one that it would have doubled; null also when that is gone.",
            ),
        },
    ),
    "ScheduleLinks": closed("Addresses of a schedule.", {"self": ADDRESS}),
    "Schedule": closed(
        "A job that is made again and again.",
        {
            "name": NAME,
            "cron": said(TEXT, "Minute, hour, day of month, month and day of week."),
            "timezone": said(TEXT, "Of the IANA database."),
            "operation": TEXT,
            "params": {"type": "object", "additionalProperties": True},
            "priority": PRIORITY,
            "labels": named("Labels"),
            "tenant": TEXT,
            "missed": {"type": "string", "enum": list(get_args(Missed))},
            "paused": {"type": "boolean"},
            "source": said(
                {"type": "string", "enum": list(get_args(Source))},
                "One from the server's file can only be paused and resumed here.",
            ),
            "next_at": said(nullable(TIME), "Null while it is paused."),
            "last": nullable(named("ScheduleTick")),
            "links": named("ScheduleLinks"),
        },
    ),
    "SchedulePage": listed("Schedule", "All schedules, by name."),
}


def schedule_requests(prefixes: Mapping[str, str]) -> dict[str, Schema]:
    """Give the schemas of what a schedule is made from: of each operation, and of any.

    Args:
        prefixes: for each operation, what the names of its schemas begin with.
    """
    by_name = {name: f"{prefix}Schedule" for name, prefix in prefixes.items()}
    own = {by_name[name]: _request(name, prefix) for name, prefix in prefixes.items()}
    if not own:
        return {"ScheduleRequest": _request()}
    return {
        **own,
        "ScheduleRequest": {
            "description": "What to run, and when.",
            "oneOf": [named(schema) for schema in own],
            "discriminator": {
                "propertyName": "operation",
                "mapping": {name: named(schema)["$ref"] for name, schema in by_name.items()},
            },
        },
    }


def _request(operation: str | None = None, prefix: str = "") -> Schema:
    schema = checked(ScheduleRequest)
    if operation is not None:
        known = {"type": "string", "enum": [operation]}
        schema["properties"] |= {"operation": known, "params": named(f"{prefix}Parameters")}
        schema["description"] = f"When to run `{operation}`."
    return schema
