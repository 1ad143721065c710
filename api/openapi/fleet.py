"""The schemas of operations, workers and the server itself."""

from typing import Final, get_args

from callboard.api.openapi.description import Schema, named
from callboard.api.openapi.shapes import (
    ADDRESS,
    JOB_ID,
    TEXT,
    TIME,
    amount,
    closed,
    listed,
    nullable,
    said,
    whole,
)
from callboard.jobs.submission import OnConflict

_NAMES: Final[Schema] = {"type": "array", "items": TEXT}
_UP: Final[Schema] = {"type": "string", "enum": ["up", "down"]}

SCHEMAS: Final[dict[str, Schema]] = {
    "Index": closed(
        "Where things are.",
        {
            "name": TEXT,
            "version": TEXT,
            "links": closed(
                "Addresses to begin with.",
                dict.fromkeys(("docs", "openapi", "operations", "jobs", "problems"), ADDRESS),
            ),
        },
    ),
    "JsonSchema": {
        "type": "object",
        "description": "A JSON Schema of draft 2020-12.",
        "additionalProperties": True,
    },
    "Slots": {
        "type": "object",
        "description": "Places that a job takes in shared resources.",
        "additionalProperties": whole(1),
    },
    "OperationLimits": closed(
        "How an operation's jobs are bounded.",
        {
            "time_limit_seconds": amount(),
            "max_running": said(nullable(whole()), "As declared; null for any number."),
            "max_running_now": said(nullable(whole()), "As it counts now; null also if unknown."),
            "max_active": whole(1),
            "max_retries": whole(),
            "slots": named("Slots"),
        },
    ),
    "OperationLinks": closed("Addresses of an operation.", {"self": ADDRESS}),
    "Operation": closed(
        "What can be run.",
        {
            "name": TEXT,
            "description": TEXT,
            "parameters": named("JsonSchema"),
            "result": named("JsonSchema"),
            "paused": said(nullable({"type": "boolean"}), "Null while Redis is away."),
            "waiting": said(
                nullable(whole()),
                "Jobs that wait for the end of a pause or for a place; null while Redis is away.",
            ),
            "limits": named("OperationLimits"),
            "unique": said({"type": "boolean"}, "Whether equal jobs are refused while one runs."),
            "on_conflict": {"type": "string", "enum": list(get_args(OnConflict))},
            "wait_seconds": said(amount(), "How long a submission waits by itself."),
            "result_ttl_seconds": amount(),
            "typical_duration_seconds": nullable(amount()),
            "links": named("OperationLinks"),
        },
    ),
    "OperationPage": listed("Operation", "All operations, by name."),
    "Alive": closed("The process answers.", {"status": {"type": "string", "enum": ["alive"]}}),
    "Check": closed(
        "One thing that jobs need.",
        {"status": _UP, "detail": said(TEXT, "What is the matter, where it is not up.")},
        perhaps="detail",
    ),
    "RedisCheck": closed(
        "The Redis that jobs need; `full` takes no new jobs, `mute` no messages on channels.",
        {
            "status": {"type": "string", "enum": ["up", "full", "mute", "down"]},
            "detail": said(TEXT, "What is the matter, where it is not up."),
        },
        perhaps="detail",
    ),
    "WorkersCheck": closed(
        "The workers that jobs need.",
        {
            "status": {"type": "string", "enum": ["up", "down", "unknown"]},
            "count": nullable(whole()),
        },
    ),
    "QueuesCheck": closed(
        "Whether workers listen wherever jobs wait.",
        {
            "status": {"type": "string", "enum": ["up", "down", "unknown"]},
            "unheard_jobs": said(
                nullable(whole()), "Jobs in queues to which no living worker listens."
            ),
        },
    ),
    "Checks": closed(
        "What jobs need.",
        {
            "redis": named("RedisCheck"),
            "rabbitmq": named("Check"),
            "workers": named("WorkersCheck"),
            "queues": named("QueuesCheck"),
            "keys": named("Check"),
        },
        perhaps="keys",
    ),
    "Readiness": closed(
        "Whether jobs can be taken; `degraded` takes them, and they wait.",
        {"status": {"type": "string", "enum": ["ready", "degraded"]}, "checks": named("Checks")},
    ),
    "OpenApiDocument": {
        "type": "object",
        "description": "An OpenAPI 3.1 document.",
        "required": ["openapi", "info", "paths"],
        "additionalProperties": True,
    },
    "Worker": closed(
        "A worker process as it was at its last heartbeat.",
        {
            "id": TEXT,
            "host": TEXT,
            "pid": whole(),
            "version": said(nullable(TEXT), "Of Callboard."),
            "queues": _NAMES,
            "operations": _NAMES,
            "threads": said(whole(), "How many jobs it runs at a time."),
            "stuck_threads": said(
                whole(), "How many of them run a function that was told to stop, and goes on."
            ),
            "dead_threads": said(whole(), "How many of them have ended, and run nothing any more."),
            "running": said({"type": "array", "items": JOB_ID}, "The jobs that it runs."),
            "since": nullable(TIME),
            "last_hello_at": nullable(TIME),
        },
    ),
    "WorkerPage": listed("Worker", "All workers that live."),
    "ProblemMeaning": closed(
        "One thing that a type of problem can mean.",
        {
            "title": TEXT,
            "status": nullable(whole(400)),
            "code": nullable(TEXT),
            "meaning": TEXT,
            "advice": TEXT,
        },
    ),
    "ProblemType": closed(
        "A type of problem.",
        {
            "type": ADDRESS,
            "title": TEXT,
            "status": said(nullable(whole(400)), "Null for what stands in a job's `error`."),
            "advice": TEXT,
            "meanings": {"type": "array", "items": named("ProblemMeaning"), "minItems": 1},
        },
    ),
    "ProblemTypePage": listed("ProblemType", "All types of problems."),
    "Page": {"type": "string", "description": "A page for people."},
}
