"""What each field of a log event means, and its unit."""

from collections.abc import Mapping
from typing import Final

CONTEXT: Final[Mapping[str, str]] = {
    "request_id": "the `X-Request-ID` of the request, or of the one that submitted the job",
    "tenant": "the tenant of the API key, if it has one",
    "job": "the job's id",
    "operation": "the operation's name",
    "attempt": "the number of the attempt, from 1",
}
"""Added to each event during a request (the first two) or a run (all five)."""

FIELDS: Final[Mapping[str, str]] = {
    "answer": "how Redis answered: what the transition did with the job",
    "attempts": "the attempts to send the webhook so far",
    "away_s": "how long the connection was lost, in seconds",
    "batch": "the batch's id",
    "bytes": "the size of the message's body, in bytes",
    "cause": "why the function was told to stop: the name of the exception raised in it",
    "changed": "the names of the things that were changed",
    "code": "the HTTP status of the receiver, or null",
    "dead": "the number of threads that have died",
    "delay_ms": "the delay before the next attempt, in milliseconds",
    "delivery": "the webhook's `webhook-id`",
    "duration_ms": "how long it took, in milliseconds",
    "error": "the type of the problem that the job failed with",
    "exception": "the exception's name; its message may quote parameters and is not logged",
    "exit_code": "the process's exit code; negative: the signal that ended it",
    "for_s": "how long the function has run since it was told to stop, in seconds",
    "format": "the version of the message's format",
    "has_successor": "whether a newer process already serves",
    "host": "the host that the webhook is sent to",
    "loop": "the name of the thread",
    "method": "the HTTP method",
    "outcome": "how a run or tick ended, or what follows an attempt to send a webhook",
    "pid": "the process's id",
    "problem": "why the webhook was not accepted, or null",
    "queue": "the queue's name in RabbitMQ",
    "raised_at": "file, line and function that raised the exception",
    "reason": "why, in words, often those of the server or the operating system",
    "remedy": "the command that resolves it",
    "route": "the template of the route",
    "running": "the number of runs, or the ids of their jobs",
    "schedule": "the schedule's name",
    "stack": "the stack frames of the exception, without its message",
    "status": "the HTTP status of the response",
    "stuck": "the number of threads whose functions do not stop",
    "thread": "the thread's name",
    "threads": "the number of threads that run functions",
    "traceback": "the traceback with its message",
    "trouble": "what is wrong with RabbitMQ, in a few words",
    "woken": "the number of jobs",
}
